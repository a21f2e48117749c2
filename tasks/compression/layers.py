"""Which layers of a Keras model hold weights worth compressing, and how a layer is replaced."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from tasks.compression.technique import Model
from tasks.training.backend import keras, tensorflow
from tasks.training.conversion import only_trains
from tasks.training.saving import copy_model


def kernels(model: Model) -> dict[str, NDArray[Any]]:
    """Kernels by the name of their layer: convolutions ``[rows, columns, in, out]``, dense ``[in, out]``."""
    return {layer.name: kernel_of(layer).numpy() for layer in model.layers if kernel_of(layer) is not None}


def kernel_of(layer: Any) -> Any:
    """The variable that holds a layer's kernel; None where it has none."""
    return getattr(layer, "kernel", getattr(layer, "depthwise_kernel", None))


def output_axis(layer: Any) -> int:
    """Where a kernel has its output channels: last, but in a transposed convolution, ``[rows, columns, out, in]``."""
    return -2 if "Transpose" in type(layer).__name__ else -1


def without_kernel(model: Model) -> list[str]:
    """Layers that have matrices of weights but no kernel of their own: a model within the model, an embedding."""
    return [
        layer.name
        for layer in model.layers
        if kernel_of(layer) is None and any(len(weight.shape) > 1 for weight in layer.weights)
    ]


def hold_zeros(layer: Any) -> None:
    """Let the optimizer put the kernel's zeros back to zero after each of its steps."""
    tf = tensorflow()
    kernel = kernel_of(layer)
    mask = tf.constant(kernel.numpy() != 0, kernel.dtype)
    # Keras optimizers apply a variable's own constraint; set here, it is no part of the layer's config
    kernel._constraint = lambda values: values * mask


def hold_all_zeros(model: Model) -> None:
    """Let the zeros of every kernel stay zeros, see :func:`hold_zeros`."""
    for name in kernels(model):
        hold_zeros(model.get_layer(name))


def with_layers(model: Model, change: Callable[[Any], Any]) -> Model:
    """A copy of ``model``, weights and all, whose layers are what ``change`` makes of the copied ones."""
    return keras().models.clone_model(copy_model(model), clone_function=change)


def split_head(model: Model) -> tuple[Model | None, Model]:
    """What prepares pixels in front of the network, if anything does, and a copy of the rest.

    The head is the chain of leading layers that are no part of what is trained: rescaling, normalization by fixed
    numbers, resizing and cropping, and augmentation, which only training does. The rest takes what it gives.
    """
    copy, layers = copy_model(model), keras().layers
    preparing = (layers.Rescaling, layers.Normalization, layers.Resizing, layers.CenterCrop)
    end = None
    for layer in copy.layers:
        if not isinstance(layer, layers.InputLayer):
            if not (isinstance(layer, preparing) or only_trains(layer)):
                break
            end = layer
        if len(layer.outbound_nodes) > 1:  # several go on from here
            break
    if end is None:
        return None, copy
    return keras().Model(copy.input, end.output), copy_model(keras().Model(end.output, copy.output, name=model.name))
