"""Networks with everything that ties channels, never trained, with weights that differ from channel to channel."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.backend import keras, set_seed, tensorflow
from tasks.workloads.image.networks import BUILDERS

SHAPE = (12, 12, 3)


def scrambled(model: Any, seed: int = 1) -> Any:
    """The same network with random weights everywhere, BatchNorm's statistics too."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.2, 1.0, w.shape) * rng.choice([-1, 1], w.shape) for w in model.get_weights()])
    for layer in model.layers:
        if layer.__class__.__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean, np.abs(variance)])
    return model


def images(count: int = 4, shape: tuple[int, ...] = SHAPE) -> Any:
    return np.random.default_rng(2).integers(0, 256, (count, *shape)).astype(np.float32)


def functional(build: Callable[[Any, Any], Any]) -> Callable[[], Any]:
    """A network around what ``build`` makes of the image: scaled before, classified after."""

    def make() -> Any:
        layers = keras().layers
        inputs = keras().Input(SHAPE, name="image")
        signal = build(layers, layers.Rescaling(1 / 255)(inputs))
        return keras().Model(inputs, layers.Dense(4, name="logits")(signal))

    return make


def _concatenated(layers: Any, signal: Any) -> Any:
    """Two ways of different widths side by side, and a third one added to both."""
    left = layers.Conv2D(6, 3, padding="same", name="left")(signal)
    right = layers.Conv2D(10, 1, name="right")(signal)
    both = layers.Concatenate()([left, right])
    third = layers.Conv2D(16, 1, name="third")(signal)
    return layers.Flatten()(layers.Add()([layers.ReLU()(both), third]))


def _separable(layers: Any, signal: Any) -> Any:
    signal = layers.SeparableConv2D(8, 3, depth_multiplier=2, activation="relu", name="first")(signal)
    signal = layers.SeparableConv2D(12, 3, name="second")(signal)
    signal = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="each")(signal)
    signal = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(signal))
    return layers.GlobalMaxPooling2D()(signal)


def _squeezed(layers: Any, signal: Any) -> Any:
    """Squeeze and excitation: a layer's channels multiplied by what two dense layers make of their means."""
    signal = layers.Conv2D(8, 3, activation="relu6", name="convolution")(layers.ZeroPadding2D()(signal))
    scale = layers.Dense(4, activation="relu", name="squeeze")(layers.GlobalAveragePooling2D()(signal))
    scale = layers.Dense(8, activation="sigmoid", name="excite")(scale)
    signal = layers.Multiply()([signal, layers.Reshape((1, 1, 8))(scale)])
    return layers.Reshape((-1,))(layers.UpSampling2D()(layers.MaxPooling2D()(signal)))


def _shared(layers: Any, signal: Any) -> Any:
    """One convolution applied twice, to itself too."""
    signal = layers.Conv2D(6, 3, padding="same", activation="relu", name="before")(signal)
    shared = layers.Conv2D(6, 3, padding="same", activation="relu", name="shared")
    return layers.Flatten()(layers.Cropping2D()(shared(shared(signal))))


def _transposed(layers: Any, signal: Any) -> Any:
    signal = layers.Conv2D(6, 3, strides=2, activation="relu", name="down")(signal)
    signal = layers.Conv2DTranspose(5, 3, strides=2, activation="tanh", name="up")(signal)
    signal = layers.Dense(7, activation="relu", name="everywhere")(signal)
    signal = layers.Reshape((11 * 11, 7))(signal)
    signal = layers.Conv1D(8, 3, activation="relu", name="along")(signal)
    return layers.GlobalAveragePooling1D()(layers.SpatialDropout1D(0.1)(signal))


def _operations(layers: Any, signal: Any) -> Any:
    """Hard-swish of TensorFlow's operations, and a sum of two ways written with ``+``."""
    tf = tensorflow()
    signal = layers.Conv2D(8, 3, name="first")(signal)
    signal = signal * tf.nn.relu6(signal + 3) / 6
    other = layers.Conv2D(8, 3, padding="same", name="second")(signal)
    signal = layers.Conv2D(6, 1, name="third")(tf.nn.relu(other + signal))
    return layers.Flatten()(tf.clip_by_value(signal, -1.0, 1.0))


def _reshaped(layers: Any, signal: Any) -> Any:
    """Squeeze and excitation twice, with one Reshape for both."""
    shape = layers.Reshape((1, 1, 6), name="shape")
    for number in (1, 2):
        signal = layers.Conv2D(6, 3, activation="relu", name=f"convolution_{number}")(signal)
        scale = layers.Dense(6, activation="sigmoid", name=f"excite_{number}")(layers.GlobalMaxPooling2D()(signal))
        signal = layers.Multiply()([signal, shape(scale)])
    return layers.Flatten()(signal)


def sequential() -> Any:
    layers = keras().layers
    return keras().Sequential(
        [
            keras().Input(SHAPE, name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, name="convolution"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.BatchNormalization(),
            layers.Dense(9, activation="relu", name="hidden"),
            layers.Dropout(0.5),
            layers.Dense(4, name="logits"),
        ]
    )


def built_in(name: str) -> Callable[[], Any]:
    def make() -> Any:
        set_seed(1)
        return BUILDERS[name](SHAPE, 4, 0.1)

    return make


NETWORKS: dict[str, Callable[[], Any]] = {
    "article_cnn": built_in("article_cnn"),
    "resnet8": built_in("resnet8"),
    "mobilenet_small": built_in("mobilenet_small"),
    "sequential": sequential,
    "concatenated": functional(_concatenated),
    "separable": functional(_separable),
    "squeezed": functional(_squeezed),
    "shared": functional(_shared),
    "transposed": functional(_transposed),
    "operations": functional(_operations),
    "reshaped": functional(_reshaped),
}
