"""Learning of windows: a network, and augmentation."""

from collections.abc import Mapping

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.samples import Specs
from tasks.workloads.protocol import Builder

from .workload import READINGS, WaveAugmentation


def wave_cnn(shape: tuple[int, ...], classes: int, dropout: float) -> KerasModel:
    """Build a small network with a convolution along time.

    Args:
        shape: (readings, 1).
        classes: how many there are.
        dropout: a rate, before the last layer.
    """
    layers = keras().layers
    return keras().Sequential(
        [
            layers.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Reshape((1, *shape)),
            layers.Conv2D(8, (1, 5), activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(classes),
        ]
    )


class WaveLearning:
    """Networks, building and augmentation of windows."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the networks for windows."""
        return {"wave_cnn": wave_cnn}

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(shape, classes, dropout)``, shape being (readings, 1)."""
        return builder(inputs[0].shape, outputs, dropout)

    def augment(
        self, batch: Mapping[str, TfTensor], settings: WaveAugmentation, seed: TfTensor
    ) -> Mapping[str, TfTensor]:
        """Move windows around their end."""
        tf = tensorflow()
        shift = tf.random.stateless_uniform([], seed, -settings.shift, settings.shift + 1, tf.int32)
        return {READINGS: tf.roll(batch[READINGS], shift, axis=1)}
