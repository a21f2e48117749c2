"""Biases that take back what rounding the kernels adds to layers' outputs on average.

Rounding moves the mean of a layer's outputs: by its own kernel's error, and since it gets what layers before it give.
Its bias can take that back (Nagel et al. 2019, arXiv:1906.04721, there with means that BatchNorm knows or that are
measured). A layer is linear before its activation, so that the mean of an output channel follows from the kernel and
the mean of what comes in at each place: W E[x] for the float layer, W' E[x'] for the rounded one. Layers are corrected
one after another, x' is what comes from those that are corrected already. Activations are not rounded meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.quantization.observing import means
from tasks.compression.quantization.steps import BIAS_LIMIT, content, entry_and_bias, store, weighted
from tasks.training.backend import tensorflow

Floats = NDArray[np.float64]


def corrections(
    flatbuffer: bytes, rounded: Mapping[str, NDArray[np.floating[Any]]], images: NDArray[np.uint8]
) -> dict[str, Floats]:
    """What to add to each output of dense layers and convolutions, depthwise ones too, before their activation.

    Args:
        flatbuffer: the model in float32 throughout.
        rounded: its kernels as they will be, in the file's layout, by the name of their operation's output.
        images: uint8 ``[n, height, width, channels]``.
    """
    model = _read(flatbuffer)
    entries = means(flatbuffer, images, {int(operator.inputs[0]) for operator, _ in _linear(model, rounded)})
    wanted = {
        _output(model, operator): _mean(model, operator, _floats(model, weights), entries[int(operator.inputs[0])])
        for operator, weights in _linear(model, rounded)
    }
    for operator, weights in weighted(model):
        if (name := _output(model, operator)) in rounded:
            store(model, weights, rounded[name].astype(np.float32))
    found = {}
    for operator, _ in _linear(model, rounded):
        name, entry = _output(model, operator), int(operator.inputs[0])
        comes = means(_write(model), images, [entry])[entry]
        found[name] = wanted[name] - _mean(model, operator, np.asarray(rounded[name], np.float64), comes)
        _add_to_bias(model, operator, found[name])
    return found


def rounded_kernels(flatbuffer: bytes) -> dict[str, Floats]:
    """The kernels of an int8 file as they are meant, by the name of their operation's output."""
    from tensorflow.lite.python import schema_py_generated as schema

    model = _read(flatbuffer)
    return {
        _output(model, operator): _meant(model, weights)
        for operator, weights in weighted(model)
        if weights.type == schema.TensorType.INT8 and np.size(weights.shape) > 1 and content(model, weights)
    }


def add_to_biases(flatbuffer: bytes, added: Mapping[str, Floats]) -> bytes:
    """A float32 or int8 file whose operations add so much more, by the name of their output."""
    model = _read(flatbuffer)
    for operator, _ in weighted(model):
        if (name := _output(model, operator)) in added:
            _add_to_bias(model, operator, added[name])
    return _write(model)


def largest(added: Mapping[str, Floats]) -> dict[str, float]:
    """For the record: how far the most moved output of each operation is moved."""
    return {name: float(np.abs(values).max()) for name, values in added.items()}


def _linear(model: Any, names: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The named operations whose outputs' means are known from their inputs', and their kernels, in order."""
    for operator, weights in weighted(model):
        if _code(model, operator) in _mappings() and _output(model, operator) in names and content(model, weights):
            yield operator, weights


def _mean(model: Any, operator: Any, kernel: Floats, entry: Floats) -> Floats:
    return _mappings()[_code(model, operator)](operator.builtinOptions, kernel, entry)


def _floats(model: Any, weights: Any) -> Floats:
    return np.frombuffer(content(model, weights), np.float32).reshape(weights.shape).astype(np.float64)


def _read(flatbuffer: bytes) -> Any:
    from tensorflow.lite.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))


def _write(model: Any) -> bytes:
    from tensorflow.lite.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _code(model: Any, operator: Any) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def _output(model: Any, operator: Any) -> str:
    """Identifies an operation in a float file and the 8-bit one made of it; its weights may be another's, too."""
    (graph,) = model.subgraphs
    return str(graph.tensors[operator.outputs[0]].name.decode())


def _meant(model: Any, weights: Any) -> Floats:
    steps = _steps(weights)
    shape = [1] * len(weights.shape)
    shape[weights.quantization.quantizedDimension if len(steps) > 1 else 0] = len(steps)
    return np.frombuffer(content(model, weights), np.int8).reshape(weights.shape) * steps.reshape(shape)


def _steps(weights: Any) -> Floats:
    """Of a kernel's integers; none where it is stored as floats."""
    scale = None if weights.quantization is None else weights.quantization.scale
    return np.asarray([] if scale is None else scale, np.float64)


def _add_to_bias(model: Any, operator: Any, real: Floats) -> None:
    """Let an operation, and no other one, add more to its outputs; the converter leaves a bias out where it is 0."""
    (graph,) = model.subgraphs
    entry, bias = entry_and_bias(model, operator)
    steps = _steps(graph.tensors[operator.inputs[1]])
    dtype: type[np.int32 | np.float32] = np.int32 if len(steps) else np.float32
    values = np.rint(real / (steps * float(entry.quantization.scale[0]))) if len(steps) else real
    if bias is not None:
        values = values + np.frombuffer(content(model, bias), dtype)
    elif not values.any():
        return
    if bias is None or _users(graph, bias) > 1:  # equal constants are one tensor
        bias = _new_bias(model, operator, steps, len(real))
    store(model, bias, np.clip(values, -BIAS_LIMIT, BIAS_LIMIT).astype(dtype))


def _users(graph: Any, tensor: Any) -> int:
    return sum(graph.tensors[index] is tensor for operator in graph.operators for index in operator.inputs)


def _new_bias(model: Any, operator: Any, steps: Floats, outputs: int) -> Any:
    """A bias of an operation's own; ``steps`` are its kernel's, where it is one of integers."""
    from tensorflow.lite.python import schema_py_generated as schema

    (graph,) = model.subgraphs
    bias = schema.TensorT()
    bias.name, bias.shape = f"{_output(model, operator)}/bias", [outputs]
    bias.type = schema.TensorType.INT32 if len(steps) else schema.TensorType.FLOAT32
    if len(steps):
        bias.quantization = schema.QuantizationParametersT()
        scale = steps * float(graph.tensors[operator.inputs[0]].quantization.scale[0])
        bias.quantization.scale = scale.astype(np.float32)
        bias.quantization.zeroPoint = np.zeros(len(steps), np.int64)
    bias.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT())
    operator.inputs = np.append(operator.inputs[:2], len(graph.tensors)).astype(np.int32)
    graph.tensors.append(bias)
    return bias


def _mappings() -> dict[int, Callable[[Any, Floats, Floats], Floats]]:
    """For each operation the mean of its outputs without bias, from its options, its kernel and its input's mean."""
    from ai_edge_litert import schema_py_generated as schema

    operators = schema.BuiltinOperator
    return {operators.FULLY_CONNECTED: _dense, operators.CONV_2D: _convolution, operators.DEPTHWISE_CONV_2D: _depthwise}


def _dense(options: Any, kernel: Floats, entry: Floats) -> Floats:
    del options
    return np.asarray(entry.reshape(-1, kernel.shape[1]).mean(axis=0) @ kernel.T)


def _convolution(options: Any, kernel: Floats, entry: Floats) -> Floats:
    dilations, steps = (
        [1, options.dilationHFactor, options.dilationWFactor, 1],
        [1, options.strideH, options.strideW, 1],
    )
    filters = kernel.transpose(1, 2, 3, 0)
    outputs = tensorflow().nn.conv2d(entry, filters, steps, _padding(options), dilations=dilations)
    return np.asarray(outputs.numpy().mean(axis=(0, 1, 2)))


def _depthwise(options: Any, kernel: Floats, entry: Floats) -> Floats:
    dilations, steps = [options.dilationHFactor, options.dilationWFactor], [1, options.strideH, options.strideW, 1]
    channels = entry.shape[3]
    filters = kernel.reshape(*kernel.shape[1:3], channels, kernel.shape[3] // channels)
    outputs = tensorflow().nn.depthwise_conv2d(entry, filters, steps, _padding(options), dilations=dilations)
    return np.asarray(outputs.numpy().mean(axis=(0, 1, 2)))


def _padding(options: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    return "SAME" if options.padding == schema.Padding.SAME else "VALID"
