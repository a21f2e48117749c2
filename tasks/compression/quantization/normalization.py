"""BatchNorm's statistics in a network whose rounding is simulated, measured on what its layers really get.

While a network is trained with few levels, weights near a threshold of rounding go to and fro, and the moving averages
are those of networks that are no more. Measured anew, they fit the levels that are there (re-estimation in Nagel et
al. 2022, arXiv:2203.11086).
"""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, keras

BATCH = 50


def fresh_statistics(aware: KerasModel, inputs: NDArray[np.float32]) -> object:
    """Return a Keras callback by which validation sees statistics that fit, and with it the best epoch's weights.

    Args:
        aware: a network of TFMOT.
        inputs: as the network takes them, ``[n, …]``.
    """

    class Fresh(keras().callbacks.Callback):  # type: ignore[misc]
        def on_test_begin(self, logs: object = None) -> None:  # noqa: ARG002
            measure_statistics(aware, inputs)

    return Fresh()


def measure_statistics(aware: KerasModel, inputs: NDArray[np.float32]) -> tuple[str, ...]:
    """Set mean and variance of each BatchNorm to those of what enters it, from the first to the last.

    One that is not trained keeps what it has.

    Args:
        aware: a functional model, its layers TFMOT's or not.
        inputs: of the model, float32 ``[n, …]``.

    Returns:
        the names of the layers that were set.
    """
    names = []
    for wrapper in aware.layers:
        layer = getattr(wrapper, "layer", wrapper)
        if not (isinstance(layer, keras().layers.BatchNormalization) and layer.trainable):
            continue
        mean, variance = _moments(keras().Model(aware.input, wrapper.input), inputs, layer)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
        names.append(str(layer.name))
    return tuple(names)


def _moments(probe: KerasModel, inputs: NDArray[np.float32], layer: KerasLayer) -> tuple[Array, Array]:
    """Mean and variance of each channel."""
    sums, count = np.zeros((2, *layer.moving_mean.shape)), 0
    for start in range(0, len(inputs), BATCH):
        seen = np.asarray(probe(inputs[start : start + BATCH], training=False))
        (axis,) = layer.axis
        channels = np.moveaxis(seen, axis, -1).reshape(-1, seen.shape[axis])
        sums += channels.sum(axis=0, dtype=np.float64), np.einsum("ij,ij->j", channels, channels, dtype=np.float64)
        count += len(channels)
    mean, square = sums / count
    return mean, np.maximum(square - np.square(mean), 0.0)
