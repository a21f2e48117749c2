"""Build the smaller model of the channels that stay, and the same model with the others at zero."""

from collections.abc import Callable

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.channels.graph import Graph, Keep, WeightChannels
from tasks.errors import Unsuited
from tasks.learning.feeding import fed, made_up, specs_of
from tasks.learning.saving import copy_model
from tasks.samples import Specs

COMPARED = 8  # made-up samples that a smaller network is tried on
Change = Callable[[WeightChannels, Array], Array]  # from a weight's values to others
TOLERANCE = 1e-3  # of the largest answer: sums of fewer numbers are rounded otherwise


def rebuild(model: KerasModel, graph: Graph, keep: Keep) -> KerasModel:
    """Return a model of the same layers, names and order that has the channels of ``keep`` alone.

    Args:
        model: functional or Sequential; stays as it is.
        graph: of ``model``.
        keep: bool ``[graph.count]``.
    """

    def resize(layer: KerasLayer) -> KerasLayer:
        config = layer.get_config()
        size = graph.sizes.get(layer.name)
        if size:
            count, value = int(np.count_nonzero(keep[size.channels])), config[size.key]
            config[size.key] = count if isinstance(value, int) else (*value[:-1], count)
        return layer.__class__.from_config(config)

    smaller = keras().models.clone_model(copy_model(model), clone_function=resize)
    _transfer(model, smaller, graph, lambda weight, values: _cut(weight, values, keep))
    return smaller


def masked(model: KerasModel, graph: Graph, keep: Keep) -> KerasModel:
    """Return a copy of a model in which all weights of the channels that go are zero.

    Args:
        model: functional or Sequential; stays as it is.
        graph: of ``model``.
        keep: bool ``[graph.count]``.
    """
    copy = copy_model(model)
    _transfer(model, copy, graph, lambda weight, values: _blank(weight, values, keep))
    return copy


def check_removal(blanked: KerasModel, smaller: KerasModel, specs: Specs | None = None) -> None:
    """Compare what is left with the whole network whose other channels are zero: both give the same, but for rounding.

    Args:
        blanked: see :func:`masked`.
        smaller: see :func:`rebuild`.
        specs: the inputs; None: as far as the network alone tells.

    Raises:
        Unsuited: their answers differ, or are no numbers.
    """
    samples = fed(made_up(specs or specs_of(smaller), COMPARED, seed=0))
    expected, found = (np.asarray(model(samples, training=False)) for model in (blanked, smaller))
    if not np.all(np.isfinite(expected)):
        raise Unsuited(
            "Expected finite answers of the network to made-up samples. Received: some that are not (NaN or infinite). "
            "Train it anew, with a lower learning rate."
        )
    if np.allclose(found, expected, atol=TOLERANCE * float(np.abs(expected).max(initial=0.0)), rtol=0):
        return
    raise Unsuited(
        f"Expected the network to answer without the removed channels as it does with zeros in their place. "
        f"Received: answers that differ by {np.abs(found - expected).max():.3g} from layer "
        f"{_first_difference(blanked, smaller, samples)} on. Name it in exclude, or leave prune_channels out."
    )


def _first_difference(blanked: KerasModel, smaller: KerasModel, samples: object) -> str:
    """The first layer, of those that are called once and give as much in both, that gives something else."""
    for layer in smaller.layers:
        if isinstance(layer, keras().layers.InputLayer):
            continue
        other = blanked.get_layer(layer.name)
        if len(layer._inbound_nodes) > 1 or layer.output_shape != other.output_shape:
            continue
        ends = ((smaller, layer), (blanked, other))
        found, expected = (np.asarray(keras().Model(model.inputs, each.output)(samples)) for model, each in ends)
        if not np.allclose(found, expected, atol=TOLERANCE * float(np.abs(expected).max()), rtol=0):
            return str(layer.name)
    return "the last"


def _transfer(source: KerasModel, target: KerasModel, graph: Graph, change: Change) -> None:
    noted = [weight for weight in graph.weights if weight.axes]
    for layer in source.layers:
        names = {id(weight.of(source)): weight for weight in noted if weight.layer == layer.name}
        if layer.weights:
            target.get_layer(layer.name).set_weights(
                [
                    change(names[id(variable)], variable.numpy()) if id(variable) in names else variable.numpy()
                    for variable in layer.weights
                ]
            )


def _cut(weight: WeightChannels, values: Array, keep: Keep) -> Array:
    for axis in weight.axes:
        values = np.compress(keep[axis.channels], values, axis.axis)
    return values


def _blank(weight: WeightChannels, values: Array, keep: Keep) -> Array:
    values = values.copy()
    for axis in weight.axes:
        np.moveaxis(values, axis.axis, 0)[~keep[axis.channels]] = 0
    return values
