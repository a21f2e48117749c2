"""Roles of the axes of weights: one table of the layers of Keras.

==========  ============================================================================================
role        an entry of the axis is
==========  ============================================================================================
makes       an output of the layer; of a recurrent layer, one output of one gate
reads       an input; each output is a sum over all of them
carries     a channel that is worked on by itself, as in a depthwise convolution or a normalization
copies      one of the outputs that a carried channel becomes (``depth_multiplier``)
places      a place of the kernel, which each output is a sum over as well
rows        a row of a table, of which one is looked up
==========  ============================================================================================

Shapes are those of tf_keras: ``tf_keras/src/layers``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tasks.backend import KerasLayer, keras

Role = Literal["makes", "reads", "carries", "copies", "places", "rows"]
Roles = tuple[Role, ...]
CELLS: Mapping[str, int] = {"LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1, "ConvLSTMCell": 4}  # with their gates

_KERNEL: Mapping[str, Roles] = {"kernel": ("reads", "makes"), "bias": ("makes",)}
_TRANSPOSED: Mapping[str, Roles] = {"kernel": ("makes", "reads"), "bias": ("makes",)}
_DEPTHWISE: Mapping[str, Roles] = {"depthwise_kernel": ("carries", "copies"), "bias": ("carries",)}
_SEPARABLE: Mapping[str, Roles] = {
    "depthwise_kernel": ("carries", "copies"),
    "pointwise_kernel": ("reads", "makes"),
    "bias": ("makes",),
}
_CELL: Mapping[str, Roles] = {"kernel": ("reads", "makes"), "recurrent_kernel": ("reads", "makes")}
_EACH: Mapping[str, Roles] = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ("carries",))

# by the kind of the layer that owns a weight and by the weight's name: roles of the last axes; others are places
KINDS: Mapping[str, Mapping[str, Roles]] = {
    "Dense": _KERNEL,
    "BatchNormalization": _EACH,
    "LayerNormalization": _EACH,
    "GroupNormalization": _EACH,
    "PReLU": {"alpha": ("carries",)},
    "Embedding": {"embeddings": ("rows", "makes")},
    **{f"Conv{rank}D": _KERNEL for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _TRANSPOSED for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _DEPTHWISE for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _SEPARABLE for rank in (1, 2)},
    **dict.fromkeys(CELLS, _CELL),
}
EINSUM = "EinsumDense"  # its equation says what each axis is


@dataclass(frozen=True)
class Axis:
    """An axis of a weight.

    ``parts``: equal pieces that its entries are in, one behind the other; of outputs, the gates of a recurrent layer.
    """

    role: Role
    parts: int = 1


def is_built_in(layer: KerasLayer) -> bool:
    """Return whether it is a layer of Keras' own, which does what its name says; a subclass may do more.

    Args:
        layer: any layer.
    """
    return getattr(keras().layers, type(layer).__name__, None) is type(layer)


def kind_of(layer: KerasLayer) -> str:
    """Return the kind of a layer of Keras' own, or the one it is derived from; empty if the table has neither.

    Args:
        layer: any layer.
    """
    names = (kind.__name__ for kind in type(layer).__mro__ if getattr(keras().layers, kind.__name__, None) is kind)
    return next((name for name in names if name in KINDS or name == EINSUM), "")


def axes_of(layer: KerasLayer, name: str, rank: int) -> tuple[Axis, ...]:
    """Return the axes of a weight of so many dimensions; none where the table does not know it.

    Args:
        layer: that has the weight.
        name: of the weight.
        rank: its dimensions.
    """
    kind = kind_of(layer)
    roles = _einsum(layer.equation, name) if kind == EINSUM else KINDS.get(kind, {}).get(name)
    if roles is None or rank < len(roles):
        return ()
    places: list[Role] = ["places"] * (rank - len(roles))
    every: Roles = (*places, *roles)
    return tuple(Axis(role, CELLS.get(kind, 1) if role == "makes" else 1) for role in every)


def _einsum(equation: str, name: str) -> Roles | None:
    """Roles of a kernel's axes by where their letters stand: in the inputs, the outputs, or both."""
    inputs, _, rest = equation.partition(",")
    kernel, _, outputs = rest.partition("->")
    if name != "kernel":
        return None
    found: list[Role] = []
    for letter in kernel:
        found.append("reads" if letter not in outputs else "carries" if letter in inputs else "makes")
    return tuple(found)
