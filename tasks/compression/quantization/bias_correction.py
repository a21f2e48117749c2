"""Biases that take back what rounding a kernel adds to its layer's outputs on average.

A layer is linear before its activation: with the kernel W rounded to W' the mean of its outputs moves by (W' − W) E[x],
which the bias can take back (Nagel et al. 2019, arXiv:1906.04721, section 4.2). E[x] is what the float layer gets on
the calibration images, at each place; the move is the mean over all places of an output channel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.quantization.observing import means
from tasks.compression.quantization.steps import BIAS_LIMIT, content, entry_and_bias, store, weighted
from tasks.training.backend import tensorflow

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """A float layer: its kernel in the file's layout, and the mean of what it gets, ``[1, ...]``."""

    kernel: NDArray[np.float32]
    entry: Floats


def expectations(flatbuffer: bytes, images: NDArray[np.uint8]) -> dict[str, Expected]:
    """The layers of a float file whose outputs' mean can be corrected, by the name of their output.

    Args:
        flatbuffer: float32 throughout.
        images: uint8 ``[n, height, width, channels]``.
    """
    model = _read(flatbuffer)
    (graph,) = model.subgraphs
    found = {}
    for operator, weights in weighted(model):
        if _code(model, operator) in _moves() and content(model, weights):
            kernel = np.frombuffer(content(model, weights), np.float32).reshape(weights.shape)
            found[_output(graph, operator)] = operator.inputs[0], kernel
    entries = means(flatbuffer, images, {int(entry) for entry, _ in found.values()})
    return {name: Expected(kernel, entries[int(entry)]) for name, (entry, kernel) in found.items()}


def correct_biases(flatbuffer: bytes, expected: Mapping[str, Expected]) -> tuple[bytes, dict[str, float]]:
    """Let each layer's outputs have the mean that the float layer's have.

    Args:
        flatbuffer: an int8 file.
        expected: the float layers.

    Returns:
        the file, and how far the most moved output of each layer was moved, in units of that output.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = _read(flatbuffer)
    (graph,) = model.subgraphs
    moved = {}
    for operator, weights in weighted(model):
        name = _output(graph, operator)
        if name not in expected:
            continue
        layer, rounded = expected[name], np.frombuffer(content(model, weights), np.int8).reshape(weights.shape)
        error = rounded * _steps(weights) - layer.kernel
        move = _moves()[_code(model, operator)](operator.builtinOptions, error, layer.entry)
        entry, bias = entry_and_bias(model, operator)
        steps = float(entry.quantization.scale[0]) * np.asarray(weights.quantization.scale, np.float64)
        whole = np.broadcast_to(np.rint(move / steps), move.shape)
        moved[name] = float(np.abs(move).max())
        if bias is not None:
            store(model, graph, bias, _limited(np.frombuffer(content(model, bias), np.int32) - whole))
        elif whole.any():
            _add_bias(model, graph, operator, steps, -whole)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)), moved


def _add_bias(model: Any, graph: Any, operator: Any, steps: Floats, values: Floats) -> None:
    """Give an operation a bias where it has none, as the converter leaves it out where it is 0."""
    from tensorflow.lite.python import schema_py_generated as schema

    bias = schema.TensorT()
    bias.name, bias.type, bias.shape = f"{_output(graph, operator)}/bias", schema.TensorType.INT32, [len(values)]
    bias.quantization = schema.QuantizationParametersT()
    bias.quantization.scale = steps.astype(np.float32)
    bias.quantization.zeroPoint = np.zeros(len(steps), np.int64)
    bias.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT())
    model.buffers[-1].data = np.frombuffer(_limited(values).tobytes(), np.uint8)
    operator.inputs = np.append(operator.inputs[:2], len(graph.tensors)).astype(np.int32)
    graph.tensors.append(bias)


def _limited(values: Floats) -> NDArray[np.int32]:
    return np.clip(values, -BIAS_LIMIT, BIAS_LIMIT).astype(np.int32)


def _read(flatbuffer: bytes) -> Any:
    from tensorflow.lite.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))


def _code(model: Any, operator: Any) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def _output(graph: Any, operator: Any) -> str:
    """Identifies an operation in both files; its weights may be another's, too."""
    return str(graph.tensors[operator.outputs[0]].name.decode())


def _steps(weights: Any) -> Floats:
    """The kernel's steps, in a shape that multiplies it."""
    steps = np.asarray(weights.quantization.scale, np.float64)
    shape = [1] * len(weights.shape)
    shape[weights.quantization.quantizedDimension if len(steps) > 1 else 0] = len(steps)
    return steps.reshape(shape)


def _moves() -> dict[int, Callable[[Any, Floats, Floats], Floats]]:
    """For each operation how its outputs' means move: from its options, the kernel's error and the input's mean."""
    from ai_edge_litert import schema_py_generated as schema

    operators = schema.BuiltinOperator
    return {operators.FULLY_CONNECTED: _dense, operators.CONV_2D: _convolution, operators.DEPTHWISE_CONV_2D: _depthwise}


def _dense(options: Any, error: Floats, entry: Floats) -> Floats:
    del options
    return np.asarray(entry.reshape(-1, error.shape[1]).mean(axis=0) @ error.T)


def _convolution(options: Any, error: Floats, entry: Floats) -> Floats:
    nn = tensorflow().nn
    dilations, steps = (
        [1, options.dilationHFactor, options.dilationWFactor, 1],
        [1, options.strideH, options.strideW, 1],
    )
    out = nn.conv2d(entry, error.transpose(1, 2, 3, 0), steps, _padding(options), dilations=dilations)
    return np.asarray(out.numpy().mean(axis=(0, 1, 2)))


def _depthwise(options: Any, error: Floats, entry: Floats) -> Floats:
    _, rows, columns, outputs = error.shape
    kernel = error.reshape(rows, columns, entry.shape[3], outputs // entry.shape[3])
    nn, dilations = tensorflow().nn, [options.dilationHFactor, options.dilationWFactor]
    steps = [1, options.strideH, options.strideW, 1]
    out = nn.depthwise_conv2d(entry, kernel, steps, _padding(options), dilations=dilations)
    return np.asarray(out.numpy().mean(axis=(0, 1, 2)))


def _padding(options: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    return "SAME" if options.padding == schema.Padding.SAME else "VALID"
