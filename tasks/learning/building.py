"""Networks by their names: those of a workload, and a user's own by ``package.module:function``."""

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.backend import KerasModel, keras, tensorflow
from tasks.errors import ConfigError, TrainingError
from tasks.learning.feeding import IDS, entries, extremes, fed, fits
from tasks.samples import Dataset, Specs, describe
from tasks.workloads import OWN, find_workload, learning_of
from tasks.workloads.protocol import Builder

BEYOND = re.compile(r"indices\S* = -?\d+ is not in \[[^)]*\)")  # of TensorFlow, about a table's rows


def find_builder(name: str, workload: str) -> Builder:
    """Return the builder that ``training.model`` names; its module registers the layers that a network is made of.

    Args:
        name: as params.yaml has it.
        workload: as ``data.workload`` names it.

    Raises:
        ConfigError: the workload has no network of that name, or there is no such module or function.
    """
    builders = learning_of(workload).networks()
    if name in builders:
        return builders[name]
    module, _, function = name.partition(":")
    if not OWN.fullmatch(name):
        known = f"one of {', '.join(builders)} or " if builders else ""
        raise ConfigError(f"training.model: expected {known}package.module:function. Received: {name!r}.")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # at the end, so that nothing of the project's hides a library
    try:
        builder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"training.model: expected an importable function. Received: {name!r} ({error}). "
            f"Put the package in the project's folder or install it."
        ) from None
    if not callable(builder):
        raise ConfigError(f"training.model: expected {name} to be a function. Received: {type(builder).__name__}.")
    return builder  # type: ignore[no-any-return]


def build_model(name: str, dataset: Dataset, dropout: float, options: Mapping[str, Any] | None = None) -> KerasModel:
    """Return a network for a data set, checked to go from its inputs to the outcome's outputs.

    Args:
        name: of the builder, as params.yaml has it.
        dataset: what was prepared.
        dropout: a rate.
        options: further arguments of the builder, by name.

    Raises:
        ConfigError: there is no such builder.
        TrainingError: the network does not fit the data, or the builder has no such arguments.
    """
    workload = find_workload(dataset.workload)
    outputs = workload.outcome.outputs(dataset)
    try:
        build, builder = learning_of(dataset.workload).build, find_builder(name, dataset.workload)
        if options:
            _check_options(name, builder, options)
            builder = functools.partial(builder, **options)
        model: Any = build(builder, dataset.inputs, outputs, dropout)
    except ValueError as error:
        raise TrainingError(
            f"Expected {name} to fit {workload.things} of {describe(dataset.inputs)}. Received: {error} "
            f"Set data.{workload.name} in params.yaml or take another model."
        ) from None
    is_model = isinstance(model, keras().models.Model)
    if not is_model or not model._is_graph_network:
        raise TrainingError(
            f"Expected {name} to give a Sequential or functional tf_keras model. "
            f"Received: {type(model).__module__}.{type(model).__name__}. "
            f"Import tf_keras, not keras, and subclass no Model."
        )
    _check_entries(name, model, dataset)
    if model.output_shape != (None, outputs):
        raise TrainingError(f"Expected {name} to give {(None, outputs)}. Received: {model.output_shape}.")
    built: KerasModel = model
    return built


def _check_options(name: str, builder: Builder, options: Mapping[str, Any]) -> None:
    """Check that a builder takes arguments of these names.

    Raises:
        TrainingError: it does not.
    """
    taken = inspect.signature(builder).parameters.values()
    open_ended = any(each.kind is each.VAR_KEYWORD for each in taken)
    known = [each.name for each in taken if each.default is not each.empty]
    unknown = sorted(set(options) - set(known))
    if unknown and not open_ended:
        raise TrainingError(
            f"Expected options of {name}: {', '.join(known) or 'it has none'}. Received: {', '.join(unknown)}. "
            f"Correct or remove them."
        )


def _check_entries(name: str, model: KerasModel, dataset: Dataset) -> None:
    """Check that a network takes the inputs of a data set, by name and in their types, and all ids that there may be.

    Raises:
        TrainingError: it does not.
    """
    specs = dataset.inputs
    if not fits(model, specs) or any(None in tensor.shape[1:] for tensor in model.inputs):
        received = ", ".join(
            f"{known_as} {tuple(tensor.shape[1:])}"
            for known_as, tensor in zip(model.input_names, model.inputs, strict=True)
        )
        raise TrainingError(
            f"Expected {name} to take {describe(specs)}. Received: a network that takes {received}. "
            f"Give it an Input of that shape{' and name for each' if len(specs) > 1 else ''}."
        )
    ids = [(spec, tensor) for spec, tensor in entries(model, specs) if spec.dtype in IDS]
    for spec, tensor in ids:
        if tensor.dtype.name != spec.dtype:
            raise TrainingError(
                f"Expected {name} to take the ids {spec.name} as {spec.dtype}. Received: an Input of "
                f"{tensor.dtype.name}. Name the type: Input({spec.shape}, dtype={spec.dtype!r}, name={spec.name!r})."
            )
    if ids:
        _check_ids(name, model, specs)


def _check_ids(name: str, model: KerasModel, specs: Specs) -> None:
    try:
        model(fed(extremes(specs)), training=False)
    except tensorflow().errors.InvalidArgumentError as error:
        ranges = ", ".join(f"{spec.name} {spec.low:g} to {spec.high:g}" for spec in specs if spec.dtype in IDS)
        said = BEYOND.search(str(error.message))
        raise TrainingError(
            f"Expected {name} to take all ids that there may be: {ranges}. "
            f"Received: {said[0] if said else str(error.message)[:200]}. "
            f"Give its embeddings a row for each, or the workload's reader the range of its ids."
        ) from None
