"""From the channels that stay to a smaller model, and to the same model with the others at zero."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.channels.graph import Graph, Keep, Weight
from tasks.compression.technique import Model
from tasks.training.backend import keras
from tasks.training.saving import copy_model


def rebuild(model: Model, graph: Graph, keep: Keep) -> Model:
    """A model of the same layers, names and order that has the channels of ``keep`` alone.

    Args:
        model: functional or Sequential; stays as it is.
        graph: of ``model``.
        keep: bool ``[graph.count]``.
    """

    def resize(layer: Any) -> Any:
        config = layer.get_config()
        size = graph.sizes.get(layer.name)
        if size:
            count, value = int(np.count_nonzero(keep[size.channels])), config[size.key]
            config[size.key] = count if isinstance(value, int) else (*value[:-1], count)
        return layer.__class__.from_config(config)

    smaller = keras().models.clone_model(copy_model(model), clone_function=resize)
    _transfer(model, smaller, graph, lambda weight, values: _cut(weight, values, keep))
    return smaller


def masked(model: Model, graph: Graph, keep: Keep) -> Model:
    """A copy of ``model`` in which all weights of the channels that go are zero."""
    copy = copy_model(model)
    _transfer(model, copy, graph, lambda weight, values: _blank(weight, values, keep))
    return copy


def _transfer(source: Model, target: Model, graph: Graph, change: Any) -> None:
    noted = {(weight.layer, weight.name): weight for weight in graph.weights if weight.axes}
    for layer in source.layers:
        names = {id(getattr(layer, weight.name)): weight for (name, _), weight in noted.items() if name == layer.name}
        if layer.weights:
            target.get_layer(layer.name).set_weights(
                [
                    change(names[id(variable)], variable.numpy()) if id(variable) in names else variable.numpy()
                    for variable in layer.weights
                ]
            )


def _cut(weight: Weight, values: NDArray[Any], keep: Keep) -> NDArray[Any]:
    for axis in weight.axes:
        values = np.compress(keep[axis.channels], values, axis.axis)
    return values


def _blank(weight: Weight, values: NDArray[Any], keep: Keep) -> NDArray[Any]:
    values = values.copy()
    for axis in weight.axes:
        np.moveaxis(values, axis.axis, 0)[~keep[axis.channels]] = 0
    return values
