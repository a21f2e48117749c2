"""Random graphs for property tests: a plan is data that hypothesis can shrink, and builds a network."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tasks.backend import keras, set_seed, tensorflow

SHAPE, CLASSES = (8, 8, 3), 4
Plan = tuple[tuple[str, int, int], ...]  # of each node: its kind, and two numbers that choose inputs and sizes


def _fit(layers: Any, signal: Any, channels: int) -> Any:
    """The same places with so many channels."""
    return signal if signal.shape[-1] == channels else layers.Conv2D(channels, 1)(signal)


def _joined(kind: str) -> Callable[..., Any]:
    def join(layers: Any, first: Any, second: Any, size: int) -> Any:
        same = first.shape[1:3] == second.shape[1:3]
        other = second if same else layers.Resizing(*first.shape[1:3])(second)
        if kind != "Concatenate":
            other = _fit(layers, other, first.shape[-1])
        return getattr(layers, kind)()([first, other])

    return join


def _squeezed(layers: Any, first: Any, _: Any, size: int) -> Any:
    scale = layers.Dense(first.shape[-1], activation="sigmoid")(layers.GlobalAveragePooling2D()(first))
    return layers.Multiply()([first, layers.Reshape((1, 1, first.shape[-1]))(scale)]) if size else first


def _attended(layers: Any, first: Any, _: Any, size: int) -> Any:
    _, rows, columns, channels = first.shape
    tokens = layers.Reshape((rows * columns, channels))(first)
    attended = layers.MultiHeadAttention(1 + size % 2, 4)(tokens, tokens)
    return layers.Reshape((rows, columns, channels))(layers.Add()([tokens, attended]))


def _nested(layers: Any, first: Any, _: Any, size: int) -> Any:
    inner = keras().Sequential([keras().Input(first.shape[1:]), layers.Conv2D(4 + size, 3, padding="same")])
    return inner(first)


def _twice(layers: Any, first: Any, _: Any, size: int) -> Any:
    shared = layers.Conv2D(first.shape[-1], 3, padding="same", activation="relu")
    return shared(shared(first))


def _operation(_: Any, first: Any, __: Any, size: int) -> Any:
    return first * tensorflow().nn.relu6(first + float(size)) / 6.0


NODES: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "convolution": lambda layers, x, _, n: layers.Conv2D(2 + n, 1 + n % 3, padding="same", activation="relu")(x),
    "strided": lambda layers, x, _, n: layers.Conv2D(2 + n, 3, strides=2, padding="same", use_bias=n % 2 == 0)(x),
    "grouped": lambda layers, x, _, n: layers.Conv2D(4, 3, padding="same", groups=2)(_fit(layers, x, 2 * (1 + n % 3))),
    "depthwise": lambda layers, x, _, n: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1 + n % 2)(x),
    "separable": lambda layers, x, _, n: layers.SeparableConv2D(2 + n, 3, padding="same")(x),
    "transposed": lambda layers, x, _, n: layers.Conv2DTranspose(2 + n, 2, padding="same")(x),
    "norm": lambda layers, x, _, __: layers.BatchNormalization()(x),
    "relu": lambda layers, x, _, __: layers.ReLU()(x),
    "bent": lambda layers, x, _, n: layers.Activation(("swish", "tanh", "softmax", "gelu")[n % 4])(x),
    "places": lambda layers, x, _, n: layers.Dense(2 + n)(x),
    "squeezed": _squeezed,
    "attended": _attended,
    "nested": _nested,
    "twice": _twice,
    "operation": _operation,
    "Add": _joined("Add"),
    "Multiply": _joined("Multiply"),
    "Concatenate": _joined("Concatenate"),
}
PLANS: st.SearchStrategy[Plan] = st.lists(
    st.tuples(st.sampled_from(sorted(NODES)), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=6
).map(tuple)


def build(plan: Plan) -> Any:
    """The network of a plan, with random weights everywhere, from pixels ``[n, 8, 8, 3]`` to logits ``[n, 4]``."""
    set_seed(1)
    layers = keras().layers
    image = keras().Input(SHAPE, name="image")
    signals = [layers.Rescaling(1 / 255)(image)]
    for kind, which, size in plan:
        signals.append(NODES[kind](layers, signals[-1], signals[which % len(signals)], size))
    logits = layers.Dense(CLASSES, name="logits")(layers.GlobalAveragePooling2D()(signals[-1]))
    model = keras().Model(image, logits, name="graph")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        spread = 1.0 / np.sqrt(max(1, np.prod(weight.shape[:-1])))
        values = rng.normal(0, spread, weight.shape) if len(weight.shape) > 1 else rng.uniform(0.5, 1.5, weight.shape)
        weight.assign(values)
    return model
