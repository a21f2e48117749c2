"""Notes of a walk through a network: the channels of its weights so far, and what holds or ties them."""

from collections.abc import Mapping

from tasks.backend import KerasLayer
from tasks.compression.channels.atoms import Atoms, Ids
from tasks.compression.channels.graph import ChannelAxis, Size, WeightChannels
from tasks.compression.roles import Role
from tasks.compression.weights import weight_of


class Trace:
    """Notes of a walk through a network from its inputs to its outputs."""

    def __init__(self) -> None:
        self.atoms = Atoms()
        self.weights: dict[tuple[str, str], WeightChannels] = {}
        self.sizes: dict[str, Size] = {}
        self.unsupported: dict[str, str] = {}

    def make(self, layer: KerasLayer, key: str, count: int) -> Ids:
        """Return the channels that a layer makes, the same ones each time that it is called.

        Args:
            layer: the layer.
            key: of the setting that says how many there are, as ``filters``.
            count: of channels.
        """
        if layer.name not in self.sizes:
            self.sizes[layer.name] = Size(key, self.atoms.new(count))
        return self.sizes[layer.name].channels

    def note(self, layer: KerasLayer, name: str, channels: Mapping[Role, Ids], positions: int = 0) -> None:
        """Note which channels lie along the axes of a layer's weight, by their roles, if the layer has that weight.

        Args:
            layer: the layer.
            name: of the weight.
            channels: by role.
            positions: at which the weight is applied to one sample.
        """
        variable = getattr(layer, name, None)
        if variable is None:
            return
        weight, key = weight_of(layer, name, variable), (layer.name, name)
        found = tuple(
            ChannelAxis(axis, role, along)
            for role, along in channels.items()
            for axis in (weight.only(role),)
            if axis is not None
        )
        if key in self.weights:  # called before, with other inputs perhaps
            before = self.weights[key]
            for old, new in zip(before.axes, found, strict=True):
                self.atoms.tie(old.channels, new.channels)
            found, positions = before.axes, before.positions + positions
        self.weights[key] = WeightChannels(weight, found, positions)
