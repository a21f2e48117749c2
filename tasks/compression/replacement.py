"""A model rebuilt with chains of smaller layers in the place of some of its layers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, TfTensor, keras, tensorflow
from tasks.learning.rewrites import nodes_of

# a layer, and the arguments and keywords that it is called with; gives its outputs
Call = Callable[[KerasLayer, Sequence[Any], Mapping[str, Any]], Any]
INNER = {"activation": "linear", "use_bias": False, "activity_regularizer": None}


@dataclass(frozen=True)
class Factor:
    """A layer that is not built yet, and the weights that it will have."""

    layer: KerasLayer
    weights: tuple[Array, ...]

    def with_bias(self, times: int) -> "Factor":
        """Return the same factor with its bias, where it has one, so many times in a row.

        Args:
            times: how often.
        """
        kernel, *bias = self.weights
        return Factor(self.layer, (kernel, *(np.tile(values, times) for values in bias)))


@dataclass(frozen=True)
class Replacement:
    """The replacement of a layer: one or more chains that all take its input, and what their outputs go through.

    ``joint``: layers after the chains, the first of which takes a list where there is more than one chain.
    ``widths``: by the name of a factor, the inner width (rank) that it gives.
    ``zeros``: by the name of a layer that is sparse, the fraction of its zeros.
    """

    chains: tuple[tuple[Factor, ...], ...]
    widths: Mapping[str, int]
    joint: tuple[KerasLayer, ...] = ()
    zeros: Mapping[str, float] = field(default_factory=dict)

    @property
    def last(self) -> str:
        """Name of the layer whose outputs are those of the replaced one."""
        return str(self.chains[0][-1].layer.name)

    def __call__(self, signal: TfTensor) -> TfTensor:
        """Join the layers to the graph behind ``signal`` and, the first time, set their weights."""
        ends = []
        for chain in self.chains:
            end = signal
            for factor in chain:
                built = factor.layer.built
                end = factor.layer(end)
                if not built:
                    factor.layer.set_weights(factor.weights)
            ends.append(end)
        end = ends[0] if len(ends) == 1 else ends
        for layer in self.joint:
            end = layer(end)
        return end


def inner(layer: KerasLayer, ending: str, kernel: Array, **changes: Any) -> Factor:
    """Return a linear layer like another one, without its bias and activation: any factor but the last.

    Args:
        layer: whose place the factors take.
        ending: of the new layer's name.
        kernel: of the new layer.
        changes: of its configuration.
    """
    return Factor(_like(layer, ending, kernel, {**INNER, **changes}), (kernel.astype(np.float32),))


def last(layer: KerasLayer, ending: str, kernel: Array, **changes: Any) -> Factor:
    """Return a layer like another one, with its bias and activation: the last factor.

    Args:
        layer: whose place the factors take.
        ending: of the new layer's name.
        kernel: of the new layer.
        changes: of its configuration.
    """
    return Factor(_like(layer, ending, kernel, changes), (kernel.astype(np.float32), *layer.get_weights()[1:]))


def pointwise() -> dict[str, Any]:
    """Return what makes a convolution one of single pixels."""
    return {"kernel_size": 1, "strides": 1, "dilation_rate": 1, "padding": "valid"}


def _like(layer: KerasLayer, ending: str, kernel: Array, changes: dict[str, Any]) -> KerasLayer:
    config = layer.get_config()
    config.pop("batch_input_shape", None)
    width = "units" if "units" in config else "filters"
    # a constraint on the product does not carry over to its factors
    config |= {"name": f"{layer.name}_{ending}", width: kernel.shape[-1], "kernel_constraint": None, **changes}
    return layer.__class__.from_config(config)


def replace_layers(model: KerasModel, replacements: Mapping[str, Replacement]) -> KerasModel:
    """Return a functional model with the same weights in which the named layers are replaced.

    Args:
        model: Sequential or functional; stays as it is.
        replacements: by the name of the layer.
    """
    copies: dict[str, KerasLayer] = {}

    def call(layer: KerasLayer, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        if layer.name in replacements:
            return replacements[layer.name](*arguments)
        first = layer.name not in copies
        copy = copies.setdefault(layer.name, copy_of(layer))
        outputs = copy(*arguments, **keywords)
        if first:
            copy.set_weights(layer.get_weights())
        return outputs

    return called_anew(model, call)


def called_anew(model: KerasModel, call: Call) -> KerasModel:
    """Return a functional model like another one, with ``call`` in the place of each call of a layer.

    Args:
        model: the other one; stays as it is.
        call: gets a layer, its arguments and keywords; gives the outputs.
    """
    inputs = [copy_of(layer).output for layer in model._input_layers]
    outputs = walk(model, inputs, call)
    return keras().Model(inputs, outputs[0] if len(outputs) == 1 else outputs, name=model.name)


def walk(model: KerasModel, inputs: Sequence[TfTensor], call: Call) -> list[TfTensor]:
    """Return what a network gives for other inputs, when ``call`` stands in the place of each call of a layer.

    Args:
        model: the network.
        inputs: in the order of its own.
        call: gets a layer, its arguments and keywords; gives the outputs.
    """
    uses = model._tensor_usage_count
    tensors = {str(id(old)): [new] * uses[str(id(old))] for old, new in zip(model.inputs, inputs, strict=True)}
    for node in nodes_of(model):
        if node.is_input:
            continue
        arguments, keywords = node.map_arguments(tensors)
        outputs = call(node.layer, arguments, keywords)
        for old, new in zip(node.flat_output_ids, tensorflow().nest.flatten(outputs), strict=True):
            tensors[old] = [new] * uses[old]
    return [tensors[str(id(old))].pop() for old in model.outputs]


def copy_of(layer: KerasLayer, **changes: Any) -> KerasLayer:
    """Return the same layer without its weights, but for ``changes`` of its configuration.

    Args:
        layer: any layer.
        changes: of its configuration.
    """
    return layer.__class__.from_config({**layer.get_config(), **changes})
