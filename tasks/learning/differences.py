"""The first layer whose outputs differ: in the network itself, in a copy of it, or in the file made of it."""

from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel, keras
from tasks.distortion import sqnr
from tasks.errors import ConversionError
from tasks.learning.conversion import convert
from tasks.learning.feeding import fed
from tasks.learning.rewrites import nodes_of
from tasks.learning.saving import copy_model
from tasks.litert import load, run, signature_of
from tasks.samples import Inputs, Specs

SAMPLES = 4
MIXES_DB = 60.0  # kernels round batches otherwise, but do not mix their samples
Outputs = list[Array]  # of each layer, for the samples


def first_difference(model: KerasModel, inputs: Inputs, needed: float, specs: Specs | None = None) -> str:
    """Return which layer is the first that differs, as the end of a sentence; nothing where none does by itself.

    Args:
        model: the network.
        inputs: some samples.
        needed: decibels that a layer's outputs must agree to.
        specs: what the inputs are; None: as far as the network alone tells.
    """
    inputs = inputs[:SAMPLES]
    names, tensors = _layers(model)
    probe = keras().Model(model.inputs, tensors)
    expected = _outputs(probe, inputs)
    if name := _first(names, expected, _outputs(probe, inputs), needed):
        return f"; {name} gives other outputs when it is asked again"
    together = _together(probe, inputs)
    if name := _first(names, expected, together, MIXES_DB):
        return f"; {name} gives other outputs to samples alone than to several at once"
    if name := _first(names, expected, _outputs(copy_model(probe), inputs), needed):
        return f"; {name} is the first that differs, in a copy that is made of its configuration"
    try:
        converted = _outputs_of_file(convert(probe, specs=specs), len(tensors), inputs)
    except ConversionError:  # so many outputs ask more of the converter than the file did
        return ""
    if name := _first(names, expected, converted, needed):
        return f"; {name} is the first that differs"
    return ""


def _layers(model: KerasModel) -> tuple[list[str], list[Any]]:
    """Each call of a layer that gives one tensor of floats: the layer in words, and the tensor."""
    names, tensors = [], []
    for node in nodes_of(model):
        output = node.outputs
        if node.is_input or isinstance(output, list | tuple | dict) or not output.dtype.is_floating:
            continue
        names.append(f"layer {node.layer.name} ({type(node.layer).__name__})")
        tensors.append(output)
    return names, tensors


def _outputs(probe: KerasModel, inputs: Inputs) -> Outputs:
    # one sample after the other, as the file has them
    parts = [_together(probe, sample) for sample in inputs]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _together(probe: KerasModel, inputs: Inputs) -> Outputs:
    outputs = probe(fed(inputs), training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list) else [outputs])]


def _outputs_of_file(flatbuffer: bytes, count: int, inputs: Inputs) -> Outputs:
    interpreter = load(flatbuffer)
    entries, given = signature_of(flatbuffer)
    indexes = [given["logits" if count == 1 else str(index)] for index in range(count)]
    parts = []
    for sample in inputs:
        for name, array in sample.arrays.items():
            interpreter.set_tensor(entries[name], array)
        run(interpreter)
        parts.append([interpreter.get_tensor(index) for index in indexes])
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _first(names: list[str], expected: Outputs, received: Outputs, needed: float) -> str:
    for name, before, after in zip(names, expected, received, strict=True):
        if before.shape != after.shape or sqnr(before, after) < needed:
            return name
    return ""
