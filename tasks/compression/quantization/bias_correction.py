"""Biases that take back what rounding the kernels adds to layers' outputs on average.

Rounding moves the mean of a layer's outputs: by its own kernel's error, and since it gets what layers before it give.
Its bias can take that back (Nagel et al. 2019, arXiv:1906.04721, there with means that BatchNorm knows or that are
measured). A layer is linear before its activation, so that the mean of an output channel follows from the kernel and
the mean of what comes in at each place: W E[x] for the float layer, W' E[x'] for the rounded one. Layers are corrected
one after another, x' is what comes from those that are corrected already. Activations are not rounded meanwhile.

Operations of a file's first graph are corrected alone: the runtime shows no values of the graphs that it calls.

Half of the images are fitted on. A layer's correction is kept only if the rounded file's logits on the other half come
nearer to the float file's: the mean squared error of an image falls by more than twice its standard error. So the file
is never further away than without.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import tensorflow
from tasks.compression.quantization.activations import record_means
from tasks.compression.quantization.scales import BIAS_LIMIT, content, entry_and_bias, store, weighted
from tasks.learning.flatbuffers import put_together, take_apart
from tasks.litert import LiteRTModel, Scores
from tasks.litert_types import Model, Operator, SubGraph, Tensor
from tasks.samples import Inputs

Floats = NDArray[np.float64]
Operation = tuple[Operator, Tensor]  # with its weights
SURE = 2.0  # standard errors


@dataclass
class Corrections:
    """Numbers to add to outputs of operations, by the output's name, and the reasons why others get none."""

    added: dict[str, Floats] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    def details(self) -> dict[str, Any]:
        """Return how far the most moved output of each operation is moved, and what was left alone, for the record."""
        rows = [{"operation": name, "because": why} for name, why in self.left.items()]
        found: dict[str, Any] = {"bias_correction": largest(self.added)}
        return found | ({"biases_left_alone": rows} if rows else {})


def corrections(
    flatbuffer: bytes, rounded: Mapping[str, NDArray[np.floating[Any]]], samples: Inputs | Array, file: bytes
) -> Corrections:
    """Find what to add to each output of dense layers and convolutions, depthwise ones too, before their activation.

    Args:
        flatbuffer: the model in float32 throughout.
        rounded: its kernels as they will be, in the file's layout, by the name of their operation's output.
        samples: of the training split.
        file: the rounded file without any correction.

    Returns:
        what is added, by the name of an operation's output, and why others are left.
    """
    fitted, others = samples[::2], samples[1::2]
    model, found = take_apart(flatbuffer), Corrections()
    operators = [each for each in _linear(model) if _output(model, each[0]) in rounded]
    for name, reason in _obstacles(model, take_apart(file), operators, rounded).items():
        found.left[name] = reason
    operators = [each for each in operators if _output(model, each[0]) not in found.left]
    entries = record_means(flatbuffer, fitted, {int(operator.inputs[0]) for operator, _ in operators})
    wanted = [_mean(model, each, _floats(model, each[1]), entries[int(each[0].inputs[0])]) for each in operators]
    for operator, weights in operators:
        store(model, weights, rounded[_output(model, operator)].astype(np.float32))
    right = LiteRTModel(flatbuffer).predict(others)
    errors = _errors(right, file, others)
    for each, mean in zip(operators, wanted, strict=True):
        name, entry = _output(model, each[0]), int(each[0].inputs[0])
        comes = record_means(put_together(model), fitted, [entry])[entry]
        added = mean - _mean(model, each, np.asarray(rounded[name], np.float64), comes)
        tried = _errors(right, add_to_biases(file, found.added | {name: added}), others)
        if added.any() and not _nearer(errors, tried):
            found.left[name] = f"the logits of {len(others)} other images came no nearer to the float network's"
            continue
        found.added[name], errors = added, tried
        _add_to_bias(model, each[0], added)
    return found


def _obstacles(model: Model, file: Model, operators: list[Operation], rounded: Mapping[str, Array]) -> dict[str, str]:
    """The operations whose means cannot be accounted for, with what is in the way."""
    graph, there = model.subgraphs[0], _by_output(file)
    found: dict[str, str] = {}
    names = [_output(model, operator) for operator, _ in operators]
    for name, (operator, weights) in zip(names, operators, strict=True):
        entry, output = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
        own = there.get(name)
        needs = {
            "another operation's output has the same name": names.count(name) == 1,
            "its kernel is rounded to another shape": rounded[name].shape == tuple(weights.shape),
            "its shapes are not fixed": all(_fixed(tensor) for tensor in (entry, output)),
            "the rounded file has no such operation": own is not None
            and _code(file, own[0]) == _code(model, operator)
            and tuple(own[1].shape) == tuple(weights.shape),
        }
        reasons = [reason for reason, holds in needs.items() if not holds]
        found |= {name: reasons[0]} if reasons else {}
    return found


def _by_output(model: Model) -> dict[str, Operation]:
    return {_output(model, operator): (operator, weights) for operator, weights in _linear(model)}


def _fixed(tensor: Tensor) -> bool:
    sizes = (*tensor.shape, *(() if tensor.shapeSignature is None else tensor.shapeSignature))
    return len(tensor.shape) > 1 and all(size > 0 for size in sizes)


def _errors(right: Scores, file: bytes, samples: Inputs | Array) -> Floats:
    """Squared distance of each sample's logits."""
    return np.asarray(((LiteRTModel(file).predict(samples).astype(np.float64) - right) ** 2).sum(axis=1))


def _nearer(before: Floats, after: Floats) -> bool:
    gained = before - after
    if len(gained) < 2:
        return False
    return bool(gained.mean() > SURE * gained.std(ddof=1) / np.sqrt(len(gained)))


def rounded_kernels(flatbuffer: bytes) -> dict[str, Floats]:
    """Return the kernels of dense layers and convolutions in an int8 file as they are meant.

    Args:
        flatbuffer: of the file.

    Returns:
        a kernel by the name of its operation's output.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = take_apart(flatbuffer)
    return {
        _output(model, operator): _meant(model, weights)
        for operator, weights in _linear(model)
        if weights.type == schema.TensorType.INT8
    }


def add_to_biases(flatbuffer: bytes, added: Mapping[str, Floats]) -> bytes:
    """Return a float32 or int8 file whose operations add so much more.

    Args:
        flatbuffer: of the file.
        added: ``[outputs]`` by the name of the operation's output.
    """
    model = take_apart(flatbuffer)
    for operator, _ in weighted(model):
        if (name := _output(model, operator)) in added:
            _add_to_bias(model, operator, added[name])
    return put_together(model)


def largest(added: Mapping[str, Floats]) -> dict[str, float]:
    """Return how far the most moved output of each operation is moved, for the record.

    Args:
        added: ``[outputs]`` by the name of the operation's output.
    """
    return {name: float(np.abs(values).max()) for name, values in added.items()}


def _linear(model: Model) -> Iterator[Operation]:
    """The operations whose outputs' means are known from their inputs', with constant kernels, in order."""
    for operator, weights in weighted(model):
        if _code(model, operator) in _mappings() and content(model, weights):
            yield operator, weights


def _mean(model: Model, operation: Operation, kernel: Floats, entry: Floats) -> Floats:
    operator = operation[0]
    return _mappings()[_code(model, operator)](operator.builtinOptions, kernel, entry)


def _floats(model: Model, weights: Tensor) -> Floats:
    return np.frombuffer(content(model, weights), np.float32).reshape(weights.shape).astype(np.float64)


def _code(model: Model, operator: Operator) -> int:
    return int(model.operatorCodes[operator.opcodeIndex].builtinCode)


def _output(model: Model, operator: Operator) -> str:
    """Identifies an operation in a float file and the 8-bit one made of it; its weights may be another's, too."""
    return str(model.subgraphs[0].tensors[operator.outputs[0]].name.decode())


def _meant(model: Model, weights: Tensor) -> Floats:
    steps = _steps(weights)
    shape = [1] * len(weights.shape)
    shape[weights.quantization.quantizedDimension if len(steps) > 1 else 0] = len(steps)
    return np.frombuffer(content(model, weights), np.int8).reshape(weights.shape) * steps.reshape(shape)


def _steps(weights: Tensor) -> Floats:
    """Scales of a tensor of integers; none where it is stored as floats."""
    scale = None if weights.quantization is None else weights.quantization.scale
    return np.asarray([] if scale is None else scale, np.float64)


def _add_to_bias(model: Model, operator: Operator, real: Floats) -> None:
    """Let an operation, and no other one, add more to its outputs; the converter leaves a bias out where it is 0."""
    graph = model.subgraphs[0]
    entry, bias = entry_and_bias(model, operator)
    comes = _steps(entry)  # none where activations are floats, as beside int4 weights: biases are floats, too
    steps = _steps(graph.tensors[operator.inputs[1]]) if len(comes) else comes
    dtype: type[np.int32 | np.float32] = np.int32 if len(steps) else np.float32
    values = np.rint(real / (steps * float(comes[0]))) if len(steps) else real
    if bias is not None:
        values = values + np.frombuffer(content(model, bias), dtype)
    elif not values.any():
        return
    if bias is None or _users(graph, bias) > 1:  # equal constants are one tensor
        bias = _new_bias(model, operator, steps, len(real))
    store(model, bias, np.clip(values, -BIAS_LIMIT, BIAS_LIMIT).astype(dtype))


def _users(graph: SubGraph, tensor: Tensor) -> int:
    return sum(graph.tensors[index] is tensor for operator in graph.operators for index in operator.inputs)


def _new_bias(model: Model, operator: Operator, steps: Floats, outputs: int) -> Tensor:
    """A bias of an operation's own; ``steps`` are its kernel's, where it is one of integers."""
    from tensorflow.lite.python import schema_py_generated as schema

    graph = model.subgraphs[0]
    bias: Tensor = schema.TensorT()
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
    """Map for each operation its options, kernel and input's mean to the mean of its outputs without bias."""
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
