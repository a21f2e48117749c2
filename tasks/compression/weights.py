"""The weights of a Keras model that compression works on, each under a path that no other has.

The path of a layer is its name, behind those of the models and layers that it is in: ``outer/inner``. A layer with one
matrix of weights gives it its path; each of several has its own name behind that: ``lstm/recurrent_kernel``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer, KerasModel, KerasVariable, keras
from tasks.compression.flatbuffer import Constant
from tasks.compression.layers import output_axis


@dataclass(frozen=True)
class Weight:
    """A variable of two or more dimensions that is trained, and the layer that owns it; biases are none."""

    path: str
    layer: KerasLayer
    variable: KerasVariable

    def values(self) -> NDArray[Any]:
        """Return the values as Keras has them."""
        return np.asarray(self.variable.numpy())

    def constant(self) -> Constant:
        """The values with their output channels where LiteRT has them."""
        values = self.values()
        if _name(self.variable) == "depthwise_kernel":
            values = values.reshape(1, *([1] * (4 - values.ndim)), *values.shape[:-2], -1)
            return Constant(values, values.dtype.name, 0, outputs=values.ndim - 1)
        return Constant(np.moveaxis(values, output_axis(self.layer), 0), values.dtype.name, 0)


def weights(model: KerasModel) -> dict[str, Weight]:
    """All weights of a model by their paths, those of layers within layers and models too, each once."""
    found: dict[str, Weight] = {}
    top = {str(layer.name) for layer in model.layers}
    seen: set[int] = set()
    for layer in model.layers:
        for path, owner, variable in _matrices(layer, str(layer.name)):
            if id(variable) not in seen:
                seen.add(id(variable))
                free = _free(path, set(found) | (top - {str(layer.name)}))
                found[free] = Weight(free, owner, variable)
    return found


def of_layer(paths: Iterator[str] | dict[str, Any], layer: str) -> list[str]:
    """The paths that are a layer's: its own, or those of all that is in it."""
    every = list(paths)
    return [layer] if layer in every else [path for path in every if path.startswith(f"{layer}/")]


def _matrices(layer: KerasLayer, path: str) -> Iterator[tuple[str, KerasLayer, KerasVariable]]:
    own = [variable for variable in layer._trainable_weights if _is_matrix(variable)]
    for variable in own:
        yield (path if len(own) == 1 else f"{path}/{_name(variable)}"), layer, variable
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        cell = isinstance(inner, keras().layers.AbstractRNNCell) or inner is getattr(layer, "cell", None)
        yield from _matrices(inner, path if cell else f"{path}/{inner.name}")


def _is_matrix(variable: KerasVariable) -> bool:
    return len(variable.shape) > 1 and variable.dtype.is_floating and not _name(variable).endswith("bias")


def _name(variable: KerasVariable) -> str:
    return str(variable.name).split(":")[0].split("/")[-1]


def _free(path: str, taken: set[str]) -> str:
    """A path that is not taken: two layers may have one where names hold a ``/``."""
    number, free = 2, path
    while free in taken:
        free, number = f"{path} ({number})", number + 1
    return free
