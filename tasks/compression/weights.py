"""The weights of a Keras model that compression works on, with the roles of their axes.

The path of a layer is its name, behind those of the models and layers that it is in: ``outer/inner``. A layer with one
matrix of weights gives it its path; each of several has its own name behind that: ``lstm/recurrent_kernel``. A layer
within a layer of your own that you gave no name is called by the attribute that holds it, ``block/first`` or
``block/stages_0``: Keras numbers it anew in every copy.

Techniques ask a :class:`Weight` what its axes are. The class of its layer counts only for what TFMOT can train, and for
what may take a layer's place.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, KerasVariable, keras
from tasks.compression.flatbuffer import Constant
from tasks.compression.inner_names import inner_name, keeps_names
from tasks.compression.roles import CELLS, Axis, Role, axes_of, is_built_in, kind_of


@dataclass(frozen=True)
class Orientation:
    """The order of a weight's axes in which places come first and outputs last, and the shapes on the way there.

    ``moved``: its shape in this order; ``shape``: with all inputs on one axis, and all outputs on one.
    """

    order: tuple[int, ...]
    moved: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def back(self) -> tuple[int, ...]:
        """The order that undoes ``order``."""
        return tuple(self.order.index(axis) for axis in range(len(self.order)))


@dataclass(frozen=True)
class Weight:
    """A variable of a layer.

    Args:
        path: no other weight of the model has it.
        layer: that owns it; of a recurrent layer, the cell.
        name: of the layer's attribute.
        variable: its values.
        axes: one for each dimension; none where what they are is not known.
        plain: the layer, and each one that it is in, is Keras' own and does with it what its kind says.
    """

    path: str
    layer: KerasLayer
    name: str
    variable: KerasVariable
    axes: tuple[Axis, ...]
    plain: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Entries of each axis."""
        return tuple(int(size) for size in self.variable.shape)

    @property
    def recurrent(self) -> bool:
        """True where a cell uses it, once for each step of a sequence."""
        return kind_of(self.layer) in CELLS

    @property
    def channelwise(self) -> bool:
        """True where it is applied to each channel by itself, as a depthwise kernel is."""
        return self.has("copies")

    def has(self, role: Role) -> bool:
        """Return whether it has an axis of this role.

        Args:
            role: of an axis.
        """
        return any(axis.role == role for axis in self.axes)

    def only(self, role: Role) -> int | None:
        """Return the axis of a role; None where there is none, or more than one.

        Args:
            role: of an axis.
        """
        found = self._of(role)
        return found[0] if len(found) == 1 else None

    @property
    def unclear(self) -> str:
        """Reason why it is not known what the layer computes with it; empty where it multiplies its inputs by it."""
        kind = type(self.layer).__name__
        if not self.plain:
            return f"{kind} is a kind of layer of your own, which may do more with its kernel"
        if not self.axes:
            return f"which of its weights are inputs of the same output is not known of {kind}"
        return "" if self.has("makes") or self.channelwise else "it works on each channel by itself"

    def values(self) -> Array:
        """Return the values as Keras has them."""
        return np.asarray(self.variable.numpy())

    def sparsity(self) -> float:
        """Return the fraction of entries that are zero."""
        return float(np.mean(self.values() == 0))

    def assign(self, values: Array) -> None:
        """Set the values of the weight.

        Args:
            values: in the variable's shape.
        """
        self.variable.assign(values)

    @property
    def orientation(self) -> Orientation:
        """Order of axes and shape by which values become ``[places …, inputs, outputs]``.

        Rows of a table stand for inputs, and a depthwise kernel has one input for each output. Axes of which there are
        several of one role are one; where axes are not known, the last one has the outputs.
        """
        if not self.axes:
            return Orientation(tuple(range(len(self.shape))), self.shape, self.shape)
        places, inputs, outputs = self._order()
        order = (*places, *inputs, *outputs)
        moved = tuple(self.shape[axis] for axis in order)
        sizes = [math.prod(self.shape[axis] for axis in axes) for axes in (inputs, outputs)]
        return Orientation(order, moved, (*moved[: len(places)], *sizes))

    def oriented(self, values: Array) -> Array:
        """Return values, or what has their shape, as ``[places …, inputs, outputs]``; see :attr:`orientation`.

        Args:
            values: in the variable's shape.
        """
        how = self.orientation
        return values.transpose(how.order).reshape(how.shape)

    def restored(self, oriented: Array) -> Array:
        """Return what :meth:`oriented` made in the variable's own shape.

        Args:
            oriented: as :meth:`oriented` gives it.
        """
        how = self.orientation
        return oriented.reshape(how.moved).transpose(how.back)

    def constant(self) -> Constant:
        """Return the values with their output channels where LiteRT has them."""
        values = self.oriented(self.values())
        dtype = values.dtype.name
        if self.axes and not self.has("makes"):
            values = values[..., 0, :]  # there is one input, or none
        if self.channelwise:
            values = values.reshape(1, *([1] * (3 - values.ndim)), *values.shape)
            return Constant(values, dtype, 0, outputs=values.ndim - 1)
        return Constant(np.moveaxis(values, -1, 0), dtype, 0)

    def _of(self, *roles: Role) -> list[int]:
        return [number for number, axis in enumerate(self.axes) if axis.role in roles]

    def _order(self) -> tuple[list[int], list[int], list[int]]:
        """Axes that are places, inputs and outputs."""
        if self.has("makes"):
            return self._of("places", "carries"), self._of("reads", "rows"), self._of("makes")
        return self._of("places"), self._of("reads", "rows"), self._of("carries", "copies")


def weights(model: KerasModel) -> dict[str, Weight]:
    """Return all matrices of a model by their paths, those of layers within layers and models too, each once.

    Of two or more dimensions, and trained; biases are none.

    Args:
        model: the network.
    """
    found: dict[str, Weight] = {}
    top = {str(layer.name) for layer in model.layers}
    seen: set[int] = set()
    for layer in model.layers:
        for weight in weights_of(layer):
            if id(weight.variable) not in seen:
                seen.add(id(weight.variable))
                free = _free(weight.path, set(found) | (top - {str(layer.name)}))
                found[free] = replace(weight, path=free)
    return found


def weights_of(layer: KerasLayer) -> Iterator[Weight]:
    """Yield the matrices of a layer and of what is in it; two of them may have one path where names hold a ``/``.

    Args:
        layer: any layer.
    """
    return _matrices(layer, str(layer.name), True)


def weight_of(
    layer: KerasLayer, name: str, variable: KerasVariable, path: str | None = None, plain: bool = True
) -> Weight:
    """Return a weight of a layer, of any number of dimensions, with the roles that the table has for it.

    Args:
        layer: that has it.
        name: of the weight.
        variable: its values.
        path: under which it is known; by default the layer's name and its own.
        plain: whether no layer of a user's own is around it.
    """
    axes = axes_of(layer, name, len(variable.shape))
    return Weight(path or f"{layer.name}/{name}", layer, name, variable, axes, plain and is_built_in(layer))


def values(model: KerasModel) -> dict[str, Array]:
    """Return the values of all matrices by their paths.

    Args:
        model: the network.
    """
    return {path: weight.values() for path, weight in weights(model).items()}


def of_layer(paths: Iterable[str], layer: str) -> list[str]:
    """Return the paths that are a layer's: its own, or those of all that is in it.

    Args:
        paths: of weights.
        layer: its path.
    """
    every = list(paths)
    return [layer] if layer in every else [path for path in every if path.startswith(f"{layer}/")]


def _matrices(layer: KerasLayer, path: str, plain: bool, kept: bool = True) -> Iterator[Weight]:
    own = [variable for variable in layer._trainable_weights if _is_matrix(variable)]
    for variable in own:
        name = _attribute(layer, variable)
        yield weight_of(layer, name, variable, path if len(own) == 1 else f"{path}/{name_of(variable)}", plain)
    plain = plain and (is_built_in(layer) or isinstance(layer, keras().models.Model))
    kept = kept and keeps_names(layer)
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        cell = isinstance(inner, keras().layers.AbstractRNNCell) or inner is getattr(layer, "cell", None)
        name = str(inner.name) if kept else inner_name(layer, inner)
        yield from _matrices(inner, path if cell else f"{path}/{name}", plain, kept)


def _is_matrix(variable: KerasVariable) -> bool:
    return len(variable.shape) > 1 and variable.dtype.is_floating and not name_of(variable).endswith("bias")


def _attribute(layer: KerasLayer, variable: KerasVariable) -> str:
    """The name of the layer's attribute, by which it uses the variable; that of the variable if there is none."""
    name = name_of(variable)
    if getattr(layer, name, None) is variable:
        return name
    return next((key for key, value in vars(layer).items() if value is variable), name)


def name_of(variable: KerasVariable) -> str:
    """Return the last part of a variable's name.

    Args:
        variable: of a layer.
    """
    return str(variable.name).split(":")[0].split("/")[-1]


def _free(path: str, taken: set[str]) -> str:
    """A path that is not taken: two layers may have one where names hold a ``/``."""
    number, free = 2, path
    while free in taken:
        free, number = f"{path} ({number})", number + 1
    return free
