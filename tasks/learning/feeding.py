"""Samples as a network takes them: uint8 and float32 as float32, and int32 and int64, which are ids, as they are.

A network of one input takes the tensor itself, whatever its ``Input`` layer is called. One of several takes a mapping,
by the names of its ``Input`` layers, which are those of the inputs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel, TfTensor
from tasks.samples import Inputs, Specs, TensorSpec, as_inputs, read_dataset
from tasks.workloads import unnamed

IDS = ("int32", "int64")
UNKNOWN = 32  # a side of samples that may have any


def fed(samples: Inputs | Array) -> Any:
    """Return samples as a network takes them, arrays of NumPy.

    Args:
        samples: ``[n, *shape]`` of each input; an array is that of the only one.
    """
    return taken({name: _as_taken(array) for name, array in as_inputs(samples).arrays.items()})


def _as_taken(array: Array) -> Array:
    return array if array.dtype.name in IDS else array.astype(np.float32)


def taken(inputs: Mapping[str, Any]) -> Any:
    """Return inputs by name as a network takes them: the only one by itself, several as a mapping.

    Args:
        inputs: arrays or tensors.
    """
    return next(iter(inputs.values())) if len(inputs) == 1 else dict(inputs)


def specs_of(model: KerasModel) -> Specs:
    """Return the inputs of a network's samples as far as the network alone tells them.

    A single input of floats is taken for 8-bit pixels. Floats beside others may be from -1 to 1 and ids 0 or 1, of
    which every table has a row.

    Args:
        model: the network.
    """
    alone = len(model.inputs) == 1
    return tuple(_guessed(name, tensor, alone) for name, tensor in zip(model.input_names, model.inputs, strict=True))


def _guessed(name: str, tensor: TfTensor, alone: bool) -> TensorSpec:
    shape, dtype = tuple(side or UNKNOWN for side in tensor.shape[1:]), str(tensor.dtype.name)
    if dtype in IDS:
        return TensorSpec(name=name, dtype=dtype, shape=shape, low=0, high=1)
    if alone:
        return unnamed.specs(shape)[0]
    return TensorSpec(name=name, dtype="float32", shape=shape, low=-1, high=1)


def specs_for(model: KerasModel, folder: Path | None) -> Specs:
    """Return the inputs of prepared data where they fit the network; elsewhere what the network alone tells.

    Args:
        model: the network.
        folder: of the prepared data; None, or one without them: there are none.
    """
    if folder is not None and (folder / "dataset.json").exists():
        specs = read_dataset(folder).inputs
        if fits(model, specs):
            return specs
    return specs_of(model)


def fits(model: KerasModel, specs: Specs) -> bool:
    """Return whether a network takes these inputs, by their names where there are several, and by their shapes.

    Args:
        model: the network.
        specs: the inputs.
    """
    if len(model.inputs) != len(specs) or (len(specs) > 1 and set(model.input_names) != {each.name for each in specs}):
        return False
    return all(_fits(tensor.shape[1:], spec.shape) for spec, tensor in entries(model, specs))


def _fits(sides: Sequence[int | None], shape: tuple[int, ...]) -> bool:
    return len(sides) == len(shape) and all(side in (None, size) for side, size in zip(sides, shape, strict=True))


def entries(model: KerasModel, specs: Specs) -> list[tuple[TensorSpec, TfTensor]]:
    """Return each input beside the tensor by which the network takes it.

    Args:
        model: the network.
        specs: the inputs, which fit it.
    """
    if len(specs) == 1:
        return [(specs[0], model.inputs[0])]
    by_name = dict(zip(model.input_names, model.inputs, strict=True))
    return [(spec, by_name[spec.name]) for spec in specs]


def made_up(specs: Specs, count: int, seed: int) -> Inputs:
    """Return made-up samples over the whole range of each input, the same ones for the same seed.

    Args:
        specs: the inputs.
        count: of samples.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    return Inputs({spec.name: _drawn(rng, spec, count) for spec in specs})


def _drawn(rng: np.random.Generator, spec: TensorSpec, count: int) -> Array:
    shape = (count, *spec.shape)
    if spec.dtype == "float32":
        return rng.uniform(spec.low, spec.high, shape).astype(np.float32)
    return rng.integers(int(spec.low), int(spec.high) + 1, shape).astype(spec.dtype)


def extremes(specs: Specs) -> Inputs:
    """Return two samples: the least and the largest value of each input everywhere.

    Args:
        specs: the inputs.
    """
    return Inputs(
        {spec.name: np.stack([np.full(spec.shape, end, spec.dtype) for end in (spec.low, spec.high)]) for spec in specs}
    )
