"""The channels of a network: which weights each one reaches, and which of them go only together.

For each axis of each weight there is the list of the channels that its entries belong to. That is all that scoring,
pricing and cutting need; :mod:`tasks.compression.channels.reading` finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.channels.atoms import Ids

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
    """The channels of a whole network.

    ``fixed``: for layers whose channels have to stay, what holds them. ``unsupported``: layers with weights of their
    own that this package does not know, by their kind.
    """

    count: int  # of channels
    weights: tuple[Weight, ...]
    sizes: Mapping[str, Size]
    groups: tuple[Group, ...]
    fixed: Mapping[str, str]
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
