"""The channels of a network: which weights each one reaches, and which of them go only together.

For each axis of each weight there is the list of the channels that its entries belong to. That is all that scoring,
pricing and cutting need; :mod:`tasks.compression.channels.reading` finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, KerasVariable
from tasks.compression.channels.atoms import Ids
from tasks.compression.roles import Role
from tasks.compression.weights import Weight

Keep = NDArray[np.bool_]  # of each channel of a graph: does it stay?


@dataclass(frozen=True)
class ChannelAxis:
    """An axis of a weight and the channel that each of its entries belongs to."""

    axis: int
    role: Role
    channels: Ids


@dataclass(frozen=True)
class WeightChannels:
    """A weight and the channels along its axes. ``positions``: how often each entry multiplies for one image."""

    weight: Weight
    axes: tuple[ChannelAxis, ...] = ()
    positions: int = 0

    @property
    def layer(self) -> str:
        """The name of the layer that owns the weight."""
        return str(self.weight.layer.name)

    def size(self, keep: Keep) -> int:
        """Return the number of entries that stay.

        Args:
            keep: bool ``[channels]``, of the whole network.
        """
        shape = list(self.weight.shape)
        for axis in self.axes:
            shape[axis.axis] = int(np.count_nonzero(keep[axis.channels]))
        return int(np.prod(shape))

    def of(self, model: KerasModel) -> KerasVariable:
        """The same variable of another model of the same layers."""
        found: KerasVariable = getattr(model.get_layer(self.layer), self.weight.name)
        return found

    def axis(self, role: Role) -> ChannelAxis | None:
        """Return the axis of a role; None where there is none.

        Args:
            role: of an axis.
        """
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
    """The channels of a whole network.

    ``fixed``: for layers whose channels have to stay, what holds them. ``unsupported``: layers with weights of their
    own that this package does not know, by their kind.
    """

    count: int  # of channels
    weights: tuple[WeightChannels, ...]
    sizes: Mapping[str, Size]
    groups: tuple[Group, ...]
    fixed: Mapping[str, str]
    unsupported: Mapping[str, str]

    def everything(self) -> Keep:
        """Return a choice of channels from which nothing is removed."""
        return np.ones(self.count, bool)

    def makers(self) -> list[WeightChannels]:
        """Return the kernels that make channels, in the network's order."""
        return [weight for weight in self.weights if len(weight.weight.shape) > 1 and weight.axis("makes")]

    def readers(self) -> list[WeightChannels]:
        """Return the kernels that read channels into sums."""
        return [weight for weight in self.weights if weight.axis("reads")]
