"""Other steps for the kernels of a finished int8 ``.tflite`` file than those that the converter gives them."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import layer_names
from tasks.errors import CompressionError

BIAS_LIMIT = 2**31 - 1
LARGEST = 127


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
    left = set(factors)
    for operator, weights in weighted(model):
        if not content(model, weights):
            continue  # computed, not stored
        for name in left & layer_names(weights.name.decode()):
            _stretch(model, operator, weights, factors[name], name)
            left.discard(name)
    if left:
        raise CompressionError(f"Expected the converted file to have layer {min(left)}. Received: no such weights.")
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def share_steps(flatbuffer: bytes, real: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Round each int8 kernel anew with one step for the whole layer (per-tensor), where it has one for each channel.

    The converter can be told so for convolutions, by a private setting, and not for dense layers.

    Args:
        flatbuffer: an int8 file.
        real: kernels before rounding, by the name of their tensor, in the file's layout.

    Returns:
        the file, in which the largest weight of each named layer is ±127.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    for operator, weights in weighted(model):
        kernel = real.get(weights.name.decode())
        if kernel is None or np.size(weights.quantization.scale) < 2:
            continue
        largest = float(np.abs(kernel).max()) / LARGEST
        step = np.array([largest or max(weights.quantization.scale)], np.float32)  # of nothing but zeros: any
        store(model, weights, np.clip(np.rint(kernel / step), -LARGEST, LARGEST).astype(np.int8))
        _set_scales(weights, step)
        _scale_bias(model, operator, step)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def weighted(model: Any) -> Iterator[tuple[Any, Any]]:
    """The operations of a file, as an object, that have a second input, and that input: weights, if it is stored."""
    (graph,) = model.subgraphs
    for operator in graph.operators:
        if len(operator.inputs) > 1 and operator.inputs[1] >= 0:
            yield operator, graph.tensors[operator.inputs[1]]


def entry_and_bias(model: Any, operator: Any) -> tuple[Any, Any | None]:
    """What an operation with weights computes from, and its bias if it has one."""
    from tensorflow.lite.python import schema_py_generated as schema

    (graph,) = model.subgraphs
    transposed = model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.TRANSPOSE_CONV
    entry, bias = (2, 3) if transposed else (0, 2)  # the first input of a transposed convolution is its output's shape
    has_bias = len(operator.inputs) > bias and operator.inputs[bias] >= 0
    return graph.tensors[operator.inputs[entry]], graph.tensors[operator.inputs[bias]] if has_bias else None


def content(model: Any, tensor: Any) -> bytes:
    """What a tensor holds; nothing where it is computed."""
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def store(model: Any, tensor: Any, values: NDArray[Any]) -> None:
    """Put other values into a tensor, and into no other tensor that shares its buffer."""
    (graph,) = model.subgraphs
    if sum(other.buffer == tensor.buffer for other in graph.tensors) > 1:  # equal constants are stored once
        model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)


def _stretch(model: Any, operator: Any, weights: Any, factor: NDArray[np.float32], name: str) -> None:
    old = np.asarray(weights.quantization.scale, np.float32)
    if len(weights.shape) != 2 or factor.shape != (weights.shape[0],) or old.size not in (1, factor.size):
        raise CompressionError(
            f"Expected layer {name} in the converted file as a dense kernel of {factor.size} outputs. "
            f"Received: shape {list(weights.shape)} with {old.size} steps. Take step: layer."
        )
    new = old * factor
    _set_scales(weights, new)
    _scale_bias(model, operator, new)


def _scale_bias(model: Any, operator: Any, scales: NDArray[np.float32]) -> None:
    """Bring an operation's bias, if it has one, to the product of its input's step and its weights' ``scales``."""
    entry, bias = entry_and_bias(model, operator)
    if bias is None:
        return
    real = np.frombuffer(content(model, bias), np.int32) * np.asarray(bias.quantization.scale, np.float64)
    steps = np.float32(entry.quantization.scale[0]) * scales
    _set_scales(bias, steps)
    store(model, bias, np.clip(np.rint(real / steps), -BIAS_LIMIT, BIAS_LIMIT).astype(np.int32))


def _set_scales(tensor: Any, scales: NDArray[np.float32]) -> None:
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = 0
    tensor.quantization.min = tensor.quantization.max = None  # of the old scales
