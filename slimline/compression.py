"""Compress a trained model that is in memory, as the stage ``compress`` of a line does.

The stage itself does the work, in a process of its own and in a folder made for it: so a library that crashes is an
error here, and nothing of the program's TensorFlow is touched.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tasks.backend import KerasModel, keras
from tasks.compression.recipe import parse_recipe
from tasks.compression.records import Candidate, NotMade, candidate_model, read_candidate
from tasks.compression.technique import Technique
from tasks.config import Data, Split
from tasks.data_loading.arrays import prepare_arrays
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import CompressionError, ConfigError, DataError, SlimlineError, TrainingError, Unsuited
from tasks.files import write_bytes, write_text
from tasks.learning.feeding import fits
from tasks.learning.identity import own_parts
from tasks.learning.saving import load_model, save_model
from tasks.learning.shapes import with_shapes
from tasks.locking import locked
from tasks.processes import process_group
from tasks.samples import PREPARED, SPLITS, Dataset, Inputs, Specs, SplitName, as_inputs, describe, read_dataset
from tasks.training.records import BASELINE_KERAS
from tasks.versioning.environment import stage_environment
from tasks.workloads import find_workload

Given = ArrayLike | Mapping[str, ArrayLike]  # images uint8 [n, height, width(, channels)], or [n, …] of inputs by name
LabelledArrays = tuple[Given, ArrayLike]  # samples, and labels [n], integers or names
KINDS: dict[int, type[SlimlineError]] = {error.exit_code: error for error in (ConfigError, Unsuited)}
NAME = "compressed"
SPLIT = Split(validation=0.1, test=0.1)  # of arrays that name none
ERROR = "error: "
LOCK = ".slimline/compress.lock"
LAYERS = "slimline_layers_of_the_model"  # a module for the stage, which imports those that register the model's layers
BUILDER = "\n\ndef build(shape, classes, dropout):\n    raise NotImplementedError\n"


@dataclass(frozen=True)
class Compressed:
    """A compressed model and what is known about it.

    ``model`` is the ``.tflite`` file: it takes raw pixels and gives logits. ``record`` has the steps as they were
    carried out, what each promised and what was measured, layer by layer.
    """

    model: bytes
    record: Candidate

    def write(self, path: str | Path) -> Path:
        """Write the ``.tflite`` file, whole or not at all.

        Args:
            path: where to; what is there is replaced.

        Returns:
            the path.
        """
        write_bytes(Path(path), self.model)
        return Path(path)


def compress(
    model: KerasModel,
    recipe: Sequence[Technique | Mapping[str, Any]],
    data: str | Path | LabelledArrays | Mapping[str, LabelledArrays],
    *,
    seed: int = 1,
    batch_size: int = 128,
    folder: str | Path | None = None,
    say: Callable[[str], None] | None = None,
) -> Compressed:
    """Make a trained model small by a recipe::

        recipe = [{"technique": "prune", "sparsity": 0.8, "epochs": 10}, {"technique": "quantize", "mode": "int8"}]
        made = slimline.compress(model, recipe, (images, labels))
        made.write("model.tflite")

    Args:
        model: a trained ``tf_keras`` model to logits ``[n, classes]`` from raw pixels (0 to 255, float32) or from named
            inputs: uint8 and float32 are given to it as float32, int32 and int64 as they are. Its own layers have to be
            registered, in a module that can be imported. Sides that it leaves open are those of the data.
        recipe: techniques in their order, as params.yaml lists them, or as :class:`Technique` objects. A conversion is
            put in where none is named; the baseline that a training learns from is ``model``.
        data: what retraining, calibration and comparison see: images uint8 ``[n, height, width(, channels)]``, or a
            mapping of arrays ``[n, …]`` (uint8, int32, int64, float32) by the names of the model's inputs, with labels
            ``[n]``, integers in the order of the outputs or names in that of the alphabet; the same by ``train``,
            ``validation`` and ``test``; or a folder that the stage ``load`` has prepared. Where no split is named a
            hash of each sample decides. The test split is not looked at.
        seed: of all random choices.
        batch_size: of training.
        folder: keeps finished steps for recipes that begin alike; None: none are kept.
        say: is told each line of the work.

    Returns:
        the file and its record.

    Raises:
        ConfigError: the recipe does not fit, the model cannot be written and read, or model and data do not fit.
        DataError: the data cannot be used.
        Unsuited: the recipe cannot be made of this network.
        CompressionError: the work ended otherwise, as for want of memory.
        NotInstalled: ``slimline[line]`` is not installed.
    """
    steps, modules = _checked(recipe), _own_modules(model)
    with _project(folder) as project:
        _put_data(data, project)
        dataset = _check_fit(model, project / PREPARED)
        params = _params(steps, seed, batch_size, dataset.workload)
        _write_project(project, model, dataset.inputs, modules, params)
        _run_stage(project, say or _be_silent)
        return _read_result(project)


@contextmanager
def _project(folder: str | Path | None) -> Iterator[Path]:
    """A folder for the work that no other call has; a new one that is removed at the end where none is named."""
    with ExitStack() as stack:
        project = Path(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="slimline-"))).absolute()
        stack.enter_context(locked(project / LOCK))
        yield project


def _checked(recipe: Sequence[Technique | Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a recipe's steps as params.yaml has them.

    Raises:
        ConfigError: they do not fit.
    """
    steps = [_settings(step) if isinstance(step, Technique) else dict(step) for step in recipe]
    parse_recipe(NAME, steps, origin="The recipe")
    return steps


def _write_project(
    project: Path, model: KerasModel, specs: Specs, modules: Sequence[str], params: Mapping[str, Any]
) -> None:
    """Write what the stage reads: the model, a module that imports those of its layers, and params.yaml.

    Raises:
        ConfigError: the model cannot be written, or read again.
    """
    try:
        save_model(with_shapes(model, specs), project / BASELINE_KERAS)
        load_model(project / BASELINE_KERAS)
    except TrainingError as error:
        raise ConfigError(str(error)) from error
    write_text(project / f"{LAYERS}.py", "".join(f"import {module}\n" for module in modules) + BUILDER)
    write_text(project / "params.yaml", json.dumps(params))


def _read_result(project: Path) -> Compressed:
    """Read what the stage has made.

    Raises:
        Unsuited: the recipe cannot be made of this network.
    """
    made = read_candidate(NAME, project)
    if isinstance(made, NotMade):
        raise Unsuited(made.not_made)
    return Compressed((project / candidate_model(NAME)).read_bytes(), made)


def _settings(technique: Technique) -> dict[str, Any]:
    """Return a technique as params.yaml has it."""
    return {"technique": technique.technique, **technique.model_dump(mode="json", exclude_defaults=True)}


def _be_silent(line: str) -> None:
    """Pass over a line."""
    del line


def _params(steps: Sequence[Mapping[str, Any]], seed: int, batch_size: int, workload: str) -> dict[str, Any]:
    """A params.yaml of which the stage reads recipe, seed and batch size."""
    return {
        "data": {"source": "arrays", "workload": workload},
        "training": {"model": f"{LAYERS}:build", "seed": seed, "batch_size": batch_size},
        "recipes": {NAME: list(steps)},
        "gate": {"rules": [{"metric": "stored_bytes", "max_ratio": 1.0}]},  # one that every outcome has
        "deployment": {"model": NAME},
    }


def _check_model(model: KerasModel) -> None:
    if not isinstance(model, keras().models.Model):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise ConfigError(
            f"Expected a tf_keras model. Received: {kind}. Build it with tf_keras, or with TF_USE_LEGACY_KERAS=1 set "
            f"before TensorFlow is imported."
        )
    if not model.inputs or len(model.outputs or ()) != 1:
        raise ConfigError("Expected a built model with one output. Received: another. Build it so.")


def _own_modules(model: KerasModel) -> list[str]:
    """Return the modules of layers and functions that are not Keras's own, which have to register them.

    Raises:
        ConfigError: it is no model with one input and one output, or a layer cannot be made again in another process.
    """
    _check_model(model)
    try:
        parts = own_parts(model)
    except TrainingError as error:
        raise ConfigError(str(error)) from error
    modules = set()
    for kind in parts:
        if kind.__module__ == "__main__" or keras().saving.get_registered_name(kind) == kind.__name__:
            raise ConfigError(
                f"Expected layers that another process can make again. Received: {kind.__name__} of "
                f"{kind.__module__}. Put it into a module of its own, and "
                f"@tf_keras.saving.register_keras_serializable() above it."
            )
        modules.add(kind.__module__)
    return sorted(modules)


def _put_data(data: str | Path | LabelledArrays | Mapping[str, LabelledArrays], project: Path) -> None:
    """Let the stage find the data where it looks for it."""
    target = project / PREPARED
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    if isinstance(data, str | Path):
        prepared = Path(data).absolute()
        read_dataset(prepared)
        if prepared != target:
            target.symlink_to(prepared)
        return
    parts = dict(data) if isinstance(data, Mapping) else _parted(*_check_arrays(*data))
    if unknown := sorted(set(parts) - set(SPLITS)):
        raise ConfigError(f"Expected splits named {', '.join(SPLITS)}. Received: {unknown[0]!r}.")
    checked = {split: _check_arrays(*parts[split]) for split in SPLITS if split in parts}
    if any(isinstance(given, Inputs) for given, _ in checked.values()):
        shutil.rmtree(target, ignore_errors=True)
        prepare_arrays({split: (_named(given), labels) for split, (given, labels) in checked.items()}, target)
        return
    arrays: dict[str, Any] = {}
    for split, (images, labels) in checked.items():
        arrays[f"x_{split}"], arrays[f"y_{split}"] = images, labels
    with tempfile.TemporaryDirectory(prefix="slimline-") as scratch:
        archive = Path(scratch) / "arrays.npz"
        np.savez(archive, **arrays)
        source = Data(source=str(archive), split=SPLIT)
        prepare(source, current_listing(source), target)


def _named(given: Inputs | NDArray[Any]) -> Inputs:
    if isinstance(given, Inputs):
        return given
    raise DataError("Expected the inputs of all splits by their names. Received: an array. Give a mapping in each.")


def _parted(given: Inputs | NDArray[Any], labels: NDArray[Any]) -> dict[SplitName, tuple[Any, NDArray[Any]]]:
    """Part samples by a hash of each, whatever their order: a tenth for each of test and validation."""
    digests = [hashlib.blake2b(sample.tobytes(), digest_size=8).digest() for sample in as_inputs(given)]
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), np.int64)
    tenth = max(1, len(order) // 10)
    indices: dict[SplitName, NDArray[np.int64]] = {
        "test": order[:tenth],
        "validation": order[tenth : 2 * tenth],
        "train": order[2 * tenth :],
    }
    return {split: (given[of], labels[of]) for split, of in indices.items()}


def _check_arrays(given: Given | Inputs, labels: ArrayLike) -> tuple[Inputs | NDArray[Any], NDArray[Any]]:
    labels = np.ascontiguousarray(labels)
    if isinstance(given, Mapping | Inputs):
        return _check_named(given if isinstance(given, Mapping) else given.arrays, labels), labels
    images = np.ascontiguousarray(given)
    fits = images.dtype == np.uint8 and images.ndim in (3, 4) and labels.dtype.kind in "iuU"
    if not fits or labels.shape != images.shape[:1]:
        raise DataError(
            f"Expected images uint8 [n, height, width] or [n, height, width, channels], or a mapping of arrays by the "
            f"names of inputs, and labels [n], integers or names. "
            f"Received: images {images.dtype} {list(images.shape)}, labels {labels.dtype} {list(labels.shape)}."
        )
    return images, labels


def _check_named(given: Mapping[str, ArrayLike], labels: NDArray[Any]) -> Inputs:
    arrays = {str(name): np.ascontiguousarray(array) for name, array in given.items()}
    sizes = {name: array.shape[:1] for name, array in arrays.items()} | {"labels": labels.shape}
    if not arrays or len(set(sizes.values())) > 1 or labels.dtype.kind not in "iuU":
        raise DataError(
            f"Expected arrays [n, …] by the names of inputs, and labels [n], integers or names. Received: "
            f"{', '.join(f'{name} of {list(size)}' for name, size in sizes.items())}, labels {labels.dtype}."
        )
    return Inputs(arrays)


def _check_fit(model: KerasModel, prepared: Path) -> Dataset:
    """Return what the data are, once it is sure that the model takes them and gives one row of outputs for each."""
    dataset = read_dataset(prepared)
    if len(model.output_shape) != 2:
        raise ConfigError(
            f"Expected a model that gives [n, outputs]. Received: one that gives {['n', *model.output_shape[1:]]}. "
            f"Put a Flatten or a pooling layer behind it."
        )
    outputs = model.output_shape[-1]
    needed = find_workload(dataset.workload).outcome.outputs(dataset)
    if not fits(model, dataset.inputs) or outputs != needed:
        taken = ", ".join(
            f"{name} {tuple(tensor.shape[1:])}" for name, tensor in zip(model.input_names, model.inputs, strict=True)
        )
        raise ConfigError(
            f"Expected data that fits the model, which takes {taken} and gives {outputs} outputs. "
            f"Received: {describe(dataset.inputs)} that asks for {needed}."
        )
    return dataset


def _run_stage(project: Path, say: Callable[[str], None]) -> None:
    """Run the stage in a folder; what it says last is its error, if it ends with one."""
    command = [sys.executable, "-P", "-m", "tasks.compression", "compress", NAME]
    paths = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)  # where layers of one's own are found
    lines: list[str] = []
    with process_group(command, stage_environment({"PYTHONPATH": paths}), project) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.rstrip("\n")
            lines.append(line)
            say(line)
    if process.returncode:
        _fail(lines, process.returncode)


def _fail(lines: Sequence[str], code: int) -> NoReturn:
    begins = [index for index, line in enumerate(lines) if line.startswith(ERROR)]
    said = "\n".join(lines[begins[-1] :]).removeprefix(ERROR) if begins else "\n".join(lines[-12:])
    kind = KINDS.get(code, CompressionError)
    raise kind(said or f"Expected the recipe to be carried out. Received: the process ended with {code}.")
