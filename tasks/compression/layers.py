"""The layers of a Keras model with weights worth compressing, and the replacement of a layer."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer, KerasModel, KerasNode, KerasVariable, keras, tensorflow
from tasks.errors import CompressionError
from tasks.learning.saving import copy_model


def kernels(model: KerasModel) -> dict[str, NDArray[Any]]:
    """Kernels by the name of their layer: convolutions ``[rows, columns, in, out]``, dense ``[in, out]``."""
    return {layer.name: kernel_of(layer).numpy() for layer in model.layers if find_kernel(layer) is not None}


def find_kernel(layer: KerasLayer) -> KerasVariable | None:
    """Return the variable that holds a layer's kernel; None where it has none."""
    found: KerasVariable | None = getattr(layer, "kernel", getattr(layer, "depthwise_kernel", None))
    # a user's own layer may call something else so
    return found if any(found is weight for weight in layer.weights) else None


def kernel_of(layer: KerasLayer) -> KerasVariable:
    """Return the variable that holds the kernel of a layer that has one.

    Raises:
        CompressionError: it has none.
    """
    found = find_kernel(layer)
    if found is None:
        raise CompressionError(f"Expected a layer with a kernel. Received: {layer.name}, {type(layer).__name__}.")
    return found


def output_axis(layer: KerasLayer) -> int:
    """Return a kernel's axis of outputs: the last, but in a transposed convolution, ``[rows, columns, out, in]``."""
    return -2 if "Transpose" in type(layer).__name__ else -1


def is_built_in(layer: KerasLayer) -> bool:
    """Return whether it is a layer of Keras' own, which does what its name says; a subclass may do more."""
    return getattr(keras().layers, type(layer).__name__, None) is type(layer)


def oriented(layer: KerasLayer, kernel: NDArray[Any]) -> NDArray[Any]:
    """A kernel, or what has its shape, ``[…, inputs, outputs]``; twice is as it was."""
    return np.swapaxes(kernel, -1, -2) if output_axis(layer) == -2 else kernel


def kernels_of(layer: KerasLayer) -> list[str]:
    """Names of the kernels of a layer; a separable convolution has two."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    return [name for name in names if any(getattr(layer, name, None) is weight for weight in layer.weights)]


def without_kernel(model: KerasModel) -> list[str]:
    """Layers that have matrices of weights but no kernel of their own: a model within the model, an embedding."""
    return [
        layer.name
        for layer in model.layers
        if find_kernel(layer) is None and any(len(weight.shape) > 1 for weight in layer.weights)
    ]


def named(names: Iterable[str], layers: Iterable[str]) -> dict[str, list[str]]:
    """Return for each name the layer of ``layers`` that is called so, or those in the model that is called so."""
    every = list(layers)
    return {name: [layer for layer in every if layer == name or layer.startswith(f"{name}/")] for name in names}


def given_beside_tensors(node: KerasNode) -> list[Any]:
    """Return the arguments of a layer's call beside tensors: numbers, names, arrays, in a copied network lists."""
    flatten = tensorflow().nest.flatten
    given = (*node.call_args, *node.call_kwargs.values())
    return [value for value in given if not any(hasattr(each, "_keras_history") for each in flatten(value))]


def hold_zeros(layer: KerasLayer) -> None:
    """Let the optimizer put the kernel's zeros back to zero after each of its steps."""
    tf = tensorflow()
    kernel = kernel_of(layer)
    mask = tf.constant(kernel.numpy() != 0, kernel.dtype)
    # Keras optimizers apply a variable's own constraint; set here, it is no part of the layer's config
    kernel._constraint = lambda values: values * mask


def hold_all_zeros(model: KerasModel) -> None:
    """Let the zeros of every kernel stay zeros, see :func:`hold_zeros`."""
    for name in kernels(model):
        hold_zeros(model.get_layer(name))


def with_layers(model: KerasModel, change: Callable[[KerasLayer], KerasLayer]) -> KerasModel:
    """A copy of ``model``, weights and all, whose layers are what ``change`` makes of the copied ones."""
    return keras().models.clone_model(copy_model(model), clone_function=change)
