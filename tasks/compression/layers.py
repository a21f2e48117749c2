"""Layers of a Keras model: by their names, with what they are called with, and replaced by others."""

from collections.abc import Callable, Iterable
from typing import Any

from tasks.backend import KerasLayer, KerasModel, KerasNode, keras, tensorflow


def named(names: Iterable[str], layers: Iterable[str]) -> dict[str, list[str]]:
    """Return for each name the layer of ``layers`` that is called so, or those in the model that is called so.

    Args:
        names: that a person gave.
        layers: the paths of all layers.
    """
    every = list(layers)
    return {name: [layer for layer in every if layer == name or layer.startswith(f"{name}/")] for name in names}


def given_beside_tensors(node: KerasNode) -> list[Any]:
    """Return the arguments of a layer's call beside tensors: numbers, names, arrays, in a copied network lists.

    Args:
        node: one call of a layer.
    """
    flatten = tensorflow().nest.flatten
    given = (*node.call_args, *node.call_kwargs.values())
    return [value for value in given if not any(hasattr(each, "_keras_history") for each in flatten(value))]


def with_layers(model: KerasModel, change: Callable[[KerasLayer], KerasLayer]) -> KerasModel:
    """Make a network of what ``change`` gives for each layer of ``model``, which may lose its layers by it.

    Args:
        model: Sequential or functional.
        change: gets each layer; gives the one in its place, or the same.

    Returns:
        the new network.
    """
    return keras().models.clone_model(model, clone_function=change)
