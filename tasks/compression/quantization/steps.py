"""Steps of dense layers in a finished ``.tflite`` file, one for each output, which fake quantization cannot express."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import layer_names
from tasks.errors import CompressionError

BIAS_LIMIT = 2**31 - 1


def stretch_steps(flatbuffer: bytes, factors: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Multiply the steps of the named layers' int8 kernels, and bring their int32 biases to the new steps.

    The weights' integers stay; what the layer computes becomes ``factor`` times as large, but for the bias.

    Args:
        flatbuffer: an int8 file.
        factors: for each layer one for each output.

    Returns:
        the file with other steps.

    Raises:
        CompressionError: a layer is not in the file as an 8-bit dense layer with a step for each output.
    """
    if not factors:
        return flatbuffer
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    (graph,) = model.subgraphs
    left = set(factors)
    for operator in graph.operators:
        if len(operator.inputs) < 2 or operator.inputs[1] < 0:
            continue
        weights = graph.tensors[operator.inputs[1]]
        if not _content(model, weights):
            continue  # computed, not stored
        for name in left & layer_names(weights.name.decode()):
            _stretch(model, graph, operator, factors[name], name)
            left.discard(name)
    if left:
        raise CompressionError(f"Expected the converted file to have layer {min(left)}. Received: no such weights.")
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _stretch(model: Any, graph: Any, operator: Any, factor: NDArray[np.float32], name: str) -> None:
    entry, weights = graph.tensors[operator.inputs[0]], graph.tensors[operator.inputs[1]]
    old = np.asarray(weights.quantization.scale, np.float32)
    if len(weights.shape) != 2 or factor.shape != (weights.shape[0],) or old.size not in (1, factor.size):
        raise CompressionError(
            f"Expected layer {name} in the converted file as a dense kernel of {factor.size} outputs. "
            f"Received: shape {list(weights.shape)} with {old.size} steps. Take step: layer."
        )
    new = old * factor
    _set_scales(weights, new)
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return
    bias = graph.tensors[operator.inputs[2]]
    real = np.frombuffer(_content(model, bias), np.int32) * np.asarray(bias.quantization.scale, np.float64)
    steps = np.float32(entry.quantization.scale[0]) * new
    _set_scales(bias, steps)
    stored = np.clip(np.rint(real / steps), -BIAS_LIMIT, BIAS_LIMIT).astype(np.int32)
    if sum(tensor.buffer == bias.buffer for tensor in graph.tensors) > 1:  # equal constants are stored once
        model.buffers.append(copy.copy(model.buffers[bias.buffer]))
        bias.buffer = len(model.buffers) - 1
    model.buffers[bias.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)


def _set_scales(tensor: Any, scales: NDArray[np.float32]) -> None:
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = 0
    tensor.quantization.min = tensor.quantization.max = None  # of the old scales


def _content(model: Any, tensor: Any) -> bytes:
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)
