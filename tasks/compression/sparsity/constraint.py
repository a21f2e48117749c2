"""Zeros that stay zeros while a network is trained on."""

import numpy as np

from tasks.backend import KerasModel, KerasVariable, tensorflow
from tasks.compression.weights import weights


def hold_zeros(variable: KerasVariable) -> None:
    """Let the optimizer put a variable's zeros back to zero after each of its steps.

    Args:
        variable: of a layer.
    """
    tf = tensorflow()
    mask = tf.constant(variable.numpy() != 0, variable.dtype)
    # Keras optimizers apply a variable's own constraint; set here, it is no part of the layer's config
    variable._constraint = lambda values: values * mask


def hold_all_zeros(model: KerasModel) -> None:
    """Let the zeros of every weight stay zeros; see :func:`hold_zeros`.

    Args:
        model: the network.
    """
    for weight in weights(model).values():
        if not np.all(weight.values()):
            hold_zeros(weight.variable)
