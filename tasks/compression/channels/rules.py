"""Rules by which each kind of layer hands channels on."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from tasks.backend import KerasLayer, KerasNode, TfTensor, keras
from tasks.compression.channels.atoms import Ids
from tasks.compression.channels.graph import Size
from tasks.compression.channels.trace import Trace
from tasks.compression.layers import given_beside_tensors
from tasks.compression.roles import is_built_in

# node: one call of a layer; gives the channels of its output, or None where the layer is set in a way that is not known
LayerRule = Callable[[Trace, KerasNode, list[Ids]], Ids | None]

# functions of each value by itself; others, softmax say, look at all channels at once
ELEMENTWISE = frozenset(
    {"linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "swish", "silu", "mish"}
    | {"sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign", "exponential"}
)
LIBRARIES = ("keras.", "tf_keras.", "tensorflow.")  # whose functions of these names are meant
ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU")  # layers of each value by itself
# TensorFlow's operations on each value by itself, as a network built of them names them; all inputs are alike to them
OPERATIONS = frozenset(
    {f"__operators__.{name}" for name in ("add", "sub", "mul")}
    | {f"math.{name}" for name in ("add", "subtract", "multiply", "truediv", "divide", "maximum", "minimum", "pow")}
    | {f"math.{name}" for name in ("sigmoid", "tanh", "exp", "square", "abs", "negative", "softplus", "sqrt")}
    | {f"nn.{name}" for name in ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish")}
    | {"clip_by_value", "identity", "cast"}
)


def apply_rule(trace: Trace, node: KerasNode, inputs: list[Ids]) -> list[Ids]:
    """Return the channels of each tensor that a node gives.

    Args:
        trace: of the walk so far, which is added to.
        node: one call of a layer.
        inputs: channels of each tensor that it takes.
    """
    layer = node.layer
    outputs = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
    if node.is_input:
        return [trace.atoms.new(_last(tensor), fixed="the model's input") for tensor in outputs]
    kind = type(layer).__name__
    own = is_built_in(layer) or kind == OPERATION
    if own and kind in RULES and getattr(layer, "data_format", None) != "channels_first":
        given = RULES[kind](trace, node, inputs)
        if given is not None:
            return [given]
    why = f"{layer.name}: {kind}"
    for channels in inputs:
        trace.atoms.fix(channels, why)
    if layer.weights:
        trace.unsupported[layer.name] = kind
    return [trace.atoms.new(_last(tensor), fixed=why) for tensor in outputs]


def _last(tensor: TfTensor) -> int:
    return int(tensor.shape[-1] or 0) if len(tensor.shape) else 0


def _places(tensor: TfTensor) -> int:
    """Places of an image that a kernel is applied to: all axes but the batch and the channels."""
    return prod(int(side or 1) for side in tensor.shape[1:-1])


def _is_elementwise(layer: KerasLayer) -> bool:
    """Return whether the layer's activation, which may be a layer, is a function of each value by itself."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return True
    layers = keras().layers
    if isinstance(activation, layers.Layer):
        kinds = tuple(getattr(layers, kind) for kind in ACTIVATIONS)
        return type(activation) in kinds and _is_elementwise(activation)
    name, module = getattr(activation, "__name__", ""), getattr(activation, "__module__", "")
    return name in ELEMENTWISE and f"{module}.".startswith(LIBRARIES)


def _activated(trace: Trace, layer: KerasLayer, channels: Ids) -> Ids:
    if not _is_elementwise(layer):
        activation = layer.activation
        trace.atoms.fix(channels, f"{layer.name}: {getattr(activation, '__name__', type(activation).__name__)}")
    return channels


def _linear(trace: Trace, node: KerasNode, inputs: list[Ids], axis: str, applied: TfTensor) -> Ids:
    """Return the channels that a kernel makes of all that come in, along an axis that its layer names.

    ``applied``: the tensor at whose places the kernel is applied.
    """
    layer = node.layer
    made = trace.make(layer, axis, int(getattr(layer, axis)))
    trace.note(layer, "kernel", {"reads": inputs[0], "makes": made}, _places(applied))
    trace.note(layer, "bias", {"makes": made})
    return _activated(trace, layer, made)


def _convolution(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:
    return _linear(trace, node, inputs, "filters", node.outputs) if node.layer.groups == 1 else None


def _transposed(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    return _linear(trace, node, inputs, "filters", node.keras_inputs[0])


def _dense(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    return _linear(trace, node, inputs, "units", node.outputs)


def _depthwise(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    layer = node.layer
    given = np.repeat(inputs[0], layer.depth_multiplier)
    trace.note(layer, "depthwise_kernel", {"carries": inputs[0]}, _places(node.outputs))
    trace.note(layer, "bias", {"carries": given})
    return _activated(trace, layer, given)


def _separable(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    layer, places = node.layer, _places(node.outputs)
    between = np.repeat(inputs[0], layer.depth_multiplier)
    made = trace.make(layer, "filters", layer.filters)
    trace.note(layer, "depthwise_kernel", {"carries": inputs[0]}, places)
    trace.note(layer, "pointwise_kernel", {"reads": between, "makes": made}, places)
    trace.note(layer, "bias", {"makes": made})
    return _activated(trace, layer, made)


def _batch_norm(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:
    layer = node.layer
    if list(layer.axis) != [len(node.outputs.shape) - 1] or layer.renorm:
        return None
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        trace.note(layer, name, {"carries": inputs[0]})
    return inputs[0]


def _prelu(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:
    if node.layer.alpha.shape[-1] != len(inputs[0]):
        return None
    trace.note(node.layer, "alpha", {"carries": inputs[0]})
    return inputs[0]


def _each(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:  # noqa: ARG001
    return inputs[0] if _is_elementwise(node.layer) else None


def _rescaling(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:  # noqa: ARG001
    return inputs[0] if np.ndim(node.layer.scale) == np.ndim(node.layer.offset) == 0 else None


def _flatten(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:  # noqa: ARG001
    places = node.keras_inputs[0].shape[1:-1]
    return None if None in places else np.tile(inputs[0], prod(places))


def _reshape(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:
    """Safe where each place of the result has the same channels in the same order."""
    before, after = node.keras_inputs[0].shape[1:], node.outputs.shape[1:]
    if None in before or None in after:
        return None
    rows: Ids = np.broadcast_to(inputs[0], before).reshape(-1, after[-1])
    channels: Ids = rows[0]
    if np.any(rows != channels):
        return None
    if node.layer.target_shape[-1] != -1:
        size = trace.sizes.setdefault(node.layer.name, Size("target_shape", channels))
        trace.atoms.tie(size.channels, channels)  # called before, on other channels: it has one shape for both
    return channels


def _operation(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids | None:
    """An operation with numbers beside the tensors; an array beside them may hold a value for each channel."""
    plain = all(_is_single(value) for value in given_beside_tensors(node))
    return _merge(trace, node, inputs) if node.layer.symbol in OPERATIONS and plain else None


def _is_single(value: Any) -> bool:
    """Return whether this is a number, or what a type or a name is given by."""
    return value is None or isinstance(value, str) or hasattr(value, "as_numpy_dtype") or np.ndim(value) == 0


def _merge(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    """Channels that meet are one; a single channel that is spread over many has to stay."""
    widest = max(inputs, key=len)
    for channels in inputs:
        if len(channels) == len(widest):
            trace.atoms.tie(widest, channels)
        else:
            trace.atoms.fix(channels, f"{node.layer.name}: spread over all channels")
    return widest


def _concatenate(trace: Trace, node: KerasNode, inputs: list[Ids]) -> Ids:
    if node.layer.axis in (-1, len(node.outputs.shape) - 1):
        return np.concatenate(inputs)
    return _merge(trace, node, inputs)


_RANKS = ("1D", "2D", "3D")
OPERATION = "TFOpLambda"
RULES: dict[str, LayerRule] = {
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Concatenate": _concatenate,
    OPERATION: _operation,
    **{f"Conv{rank}": _convolution for rank in _RANKS},
    **{f"Conv{rank}Transpose": _transposed for rank in _RANKS},
    **{f"DepthwiseConv{rank}": _depthwise for rank in ("1D", "2D")},
    **{f"SeparableConv{rank}": _separable for rank in ("1D", "2D")},
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merge),
    **dict.fromkeys((*ACTIVATIONS, "ActivityRegularization"), _each),
    **dict.fromkeys(("Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout"), _each),
    **{
        f"{name}{rank}": _each
        for rank in _RANKS
        for name in (
            "MaxPooling",
            "AveragePooling",
            "GlobalMaxPooling",
            "GlobalAveragePooling",
            "ZeroPadding",
            "Cropping",
            "UpSampling",
            "SpatialDropout",
        )
    },
}
