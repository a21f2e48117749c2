"""Evenly spaced levels in each output channel, zero among them, and training with the rounding simulated.

An output channel's levels are ``s · j/k`` with ``j`` from −k to k. The largest becomes the edge of what 8 bits with a
scale for each channel can store, so that an int8 file has the values ``round(127 · j/k)`` in every channel: no more in
the whole layer than in one channel, which entropy coding profits from. The gradient passes over the rounding
(straight-through estimator, Bengio, Léonard and Courville 2013, arXiv:1308.3432).
"""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import TfTensor, tensorflow, traced
from tasks.compression.weights import Weight

SHARES = np.linspace(0.3, 1.0, 36)  # of a channel's largest weight that are tried for its largest level


def steps_of(clusters: int) -> int:
    """Return the number of levels on either side of zero.

    Args:
        clusters: levels in all.
    """
    return (clusters - 1) // 2


def best_shares(kernel: Array, steps: int) -> NDArray[np.float32]:
    """Return for each output channel the largest level, by the largest weight, at which the squared error is least.

    Output channels are last, here and in :func:`to_grid`.

    Args:
        kernel: ``[…, outputs]``.
        steps: levels on either side of zero.
    """
    errors = [np.sum((to_grid(kernel, steps, share) - kernel) ** 2, axis=_inner(kernel)) for share in SHARES]
    return np.asarray(SHARES[np.argmin(errors, axis=0)], np.float32)


def to_grid(kernel: Array, steps: int, shares: Array | float) -> NDArray[np.float32]:
    """Return the kernel with each weight at the nearest of its channel's levels.

    Args:
        kernel: ``[…, outputs]``.
        steps: levels on either side of zero.
        shares: largest level by largest weight, one or ``[outputs]``.
    """
    largest = np.abs(kernel).max(axis=_inner(kernel)) * shares
    scale = np.where(largest > 0, largest, 1.0)
    levels = np.rint(np.clip(kernel / scale, -1.0, 1.0) * steps)
    return np.asarray(levels * (scale / steps), np.float32)


def simulate(weight: Weight, steps: int, shares: NDArray[np.float32]) -> None:
    """Let a layer compute with its weight on the grid, while the weight itself is trained on as it is.

    Args:
        weight: of the layer.
        steps: levels on either side of zero.
        shares: largest level by largest weight, ``[outputs]``.
    """
    tf, layer = tensorflow(), weight.layer
    call, how = layer.call, weight.orientation

    def on_grid(kernel: TfTensor) -> TfTensor:
        scale = tf.reduce_max(tf.abs(kernel), axis=list(_inner(kernel))) * shares
        scale = tf.stop_gradient(tf.where(scale > 0, scale, 1.0))
        levels = tf.round(tf.clip_by_value(kernel / scale, -1.0, 1.0) * steps) * (scale / steps)
        return kernel + tf.stop_gradient(levels - kernel)

    def forth(values: TfTensor) -> TfTensor:
        return tf.reshape(tf.transpose(values, how.order), how.shape)

    def back(oriented: TfTensor) -> TfTensor:
        return tf.transpose(tf.reshape(oriented, how.moved), how.back)

    def simulated(inputs: TfTensor) -> TfTensor:
        values = getattr(layer, weight.name)
        # not through the layer's own __setattr__, which would forget that the variable is a weight
        object.__setattr__(layer, weight.name, back(on_grid(forth(values))))
        try:
            return call(inputs)
        finally:
            object.__setattr__(layer, weight.name, values)

    layer.call = traced(simulated)


def _inner(kernel: Array | TfTensor) -> tuple[int, ...]:
    """All axes but the output channels'."""
    return tuple(range(len(kernel.shape) - 1))
