"""Which channels a network has, which weights each one reaches, and which of them go only together.

Every tensor of the network is described by the channels on its last axis. A convolution makes new ones; BatchNorm,
pooling or a depthwise convolution hand on what they get; Flatten repeats a channel once for every place of the image;
Concatenate puts lists one behind the other; Add makes its inputs' channels one. What is left at the end is, for each
axis of each weight, the list of the channels that its entries belong to, and that is all that scoring, pricing and
cutting need.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel
from tasks.compression.channels.atoms import Atoms, Ids

Keep = NDArray[np.bool_]  # of each channel of a graph: does it stay?
Role = Literal["makes", "reads", "carries"]


@dataclass(frozen=True)
class Axis:
    """An axis of a weight and the channel that each of its entries belongs to.

    ``role``: the layer makes these channels, reads them into a sum over all of them, or carries each one by itself.
    """

    axis: int
    role: Role
    channels: Ids


@dataclass(frozen=True)
class Weight:
    """A variable of a layer. ``positions``: how often each of its entries multiplies for one image."""

    layer: str
    name: str  # of the layer's attribute
    shape: tuple[int, ...]
    axes: tuple[Axis, ...] = ()
    positions: int = 0

    def size(self, keep: Keep) -> int:
        """Entries that stay."""
        shape = list(self.shape)
        for axis in self.axes:
            shape[axis.axis] = int(np.count_nonzero(keep[axis.channels]))
        return int(np.prod(shape))

    def axis(self, role: Role) -> Axis | None:
        """The axis of a role."""
        return next((axis for axis in self.axes if axis.role == role), None)


@dataclass(frozen=True)
class Size:
    """A key of a layer's config that counts channels (``filters``) or ends in their count (``target_shape``)."""

    key: str
    channels: Ids


@dataclass(frozen=True)
class Group:
    """Channels that the same layers make and the same weights use: any one may go, in all these layers at once."""

    layers: tuple[str, ...]  # that make them
    channels: Ids

    @property
    def name(self) -> str:
        """The layers' names."""
        return "+".join(self.layers)


@dataclass(frozen=True)
class Graph:
    """What :func:`read_graph` finds.

    ``held``: for layers whose channels have to stay, what holds them. ``unsupported``: layers with weights of their
    own that this package does not know, by their kind.
    """

    count: int  # of channels
    weights: tuple[Weight, ...]
    sizes: Mapping[str, Size]
    groups: tuple[Group, ...]
    held: Mapping[str, str]
    unsupported: Mapping[str, str]

    def everything(self) -> Keep:
        """Nothing is removed."""
        return np.ones(self.count, bool)

    def makers(self) -> list[Weight]:
        """Kernels that make channels, in the network's order."""
        return [weight for weight in self.weights if len(weight.shape) > 1 and weight.axis("makes")]

    def readers(self) -> list[Weight]:
        """Kernels that read channels into sums."""
        return [weight for weight in self.weights if weight.axis("reads")]


class Trace:
    """What is noted while the network is walked through from its inputs to its outputs."""

    def __init__(self) -> None:
        self.atoms = Atoms()
        self.weights: dict[tuple[str, str], Weight] = {}
        self.sizes: dict[str, Size] = {}
        self.unsupported: dict[str, str] = {}

    def make(self, layer: Any, key: str, count: int) -> Ids:
        """The channels that a layer makes, the same ones each time that it is called."""
        if layer.name not in self.sizes:
            self.sizes[layer.name] = Size(key, self.atoms.new(count))
        return self.sizes[layer.name].channels

    def note(self, layer: Any, name: str, axes: Mapping[int, tuple[Role, Ids]], positions: int = 0) -> None:
        """Say what belongs to the axes of a layer's weight, if the layer has that weight."""
        variable = getattr(layer, name, None)
        if variable is None:
            return
        rank, key = len(variable.shape), (layer.name, name)
        found = tuple(Axis(axis % rank, role, channels) for axis, (role, channels) in axes.items())
        if key in self.weights:  # called before, with other inputs perhaps
            before = self.weights[key]
            for old, new in zip(before.axes, found, strict=True):
                self.atoms.tie(old.channels, new.channels)
            found, positions = before.axes, before.positions + positions
        self.weights[key] = Weight(layer.name, name, tuple(variable.shape), found, positions)


def read_graph(model: KerasModel) -> Graph:
    """Find the channels of a functional or Sequential model.

    A layer of a kind that is not in :data:`tasks.compression.channels.rules.RULES` holds the channels that it takes
    and those that it gives, and with them all that they are tied to.
    """
    from tasks.compression.channels.rules import apply_rule

    trace, tensors = Trace(), dict[int, Ids]()
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            outputs = _flat(node.outputs)
            channels = apply_rule(trace, node, [tensors[id(tensor)] for tensor in node.keras_inputs])
            tensors |= {id(tensor): given for tensor, given in zip(outputs, channels, strict=True)}
    for tensor in model.outputs:
        trace.atoms.hold(tensors[id(tensor)], "the model's output")
    noted = {key[0] for key in trace.weights}
    for layer in model.layers:
        for index, variable in enumerate(layer.weights if layer.name not in noted else ()):
            trace.weights[layer.name, str(index)] = Weight(layer.name, str(index), tuple(variable.shape))
    return _finish(trace)


def _flat(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _finish(trace: Trace) -> Graph:
    """Number the channels, tied atoms as one, and sort them into groups."""
    atoms = trace.atoms
    roots = np.array([atoms.root(atom) for atom in range(len(atoms))], np.intp)
    distinct, number = np.unique(roots, return_inverse=True)
    weights = tuple(
        Weight(
            weight.layer,
            weight.name,
            weight.shape,
            tuple(Axis(axis.axis, axis.role, number[axis.channels]) for axis in weight.axes),
            weight.positions,
        )
        for weight in trace.weights.values()
    )
    why = {index: atoms.why(int(root)) for index, root in enumerate(distinct)}
    return Graph(
        count=len(distinct),
        weights=weights,
        sizes={name: Size(size.key, number[size.channels]) for name, size in trace.sizes.items()},
        groups=_groups(weights, why),
        held=_held(weights, why),
        unsupported=trace.unsupported,
    )


def _groups(weights: tuple[Weight, ...], why: Mapping[int, str]) -> tuple[Group, ...]:
    """Free channels by what uses them: equal uses, one group."""
    uses: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    makers: dict[int, list[str]] = defaultdict(list)
    for index, weight in enumerate(weights):
        for axis in weight.axes:
            for channel in axis.channels.tolist():
                uses[channel][index, axis.axis] += 1
                if axis.role == "makes" and weight.layer not in makers[channel]:
                    makers[channel].append(weight.layer)
    alike: dict[frozenset[tuple[tuple[int, int], int]], list[int]] = defaultdict(list)
    for channel in sorted(uses):
        if makers[channel] and not why[channel]:
            alike[frozenset(uses[channel].items())].append(channel)
    return tuple(Group(tuple(makers[channels[0]]), np.array(channels)) for channels in alike.values())


def _held(weights: tuple[Weight, ...], why: Mapping[int, str]) -> dict[str, str]:
    """For layers whose own channels have to stay, or those that they carry if they make none: what holds them."""
    making = {weight.layer for weight in weights if weight.axis("makes")}
    held: dict[str, str] = {}
    for weight in weights:
        axis = weight.axis("makes" if weight.layer in making else "carries")
        reasons = [why[channel] for channel in axis.channels.tolist() if why[channel]] if axis else []
        if reasons:
            held.setdefault(weight.layer, reasons[0])
    return held
