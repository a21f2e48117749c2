"""Networks that are converted wrongly, or not at all, by whoever does not look."""

import functools
from typing import Any

from tasks.backend import keras, set_seed, tensorflow
from tests.tasks.training.material import CLASSES, SHAPE


@functools.cache
def own_layers() -> dict[str, Any]:
    """A user's own layers by name."""
    tf: Any = tensorflow()
    layers: Any = keras().layers
    register = keras().utils.register_keras_serializable("odd")

    @register
    class Standardized(layers.Conv2D):  # type: ignore[misc]
        """Standardizes its kernel before it is used: a scale of the kernel has no effect."""

        def call(self, inputs: Any) -> Any:
            mean, variance = tf.nn.moments(self.kernel, [0, 1, 2], keepdims=True)
            kernel = (self.kernel - mean) / tf.sqrt(variance + 1e-5)
            return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, 1, "VALID"), self.bias)

    @register
    class Noisy(layers.Layer):  # type: ignore[misc]
        """Adds noise in inference, too."""

        def call(self, inputs: Any) -> Any:
            return inputs + tf.random.normal(tf.shape(inputs), stddev=0.1)

    @register
    class Centered(layers.Layer):  # type: ignore[misc]
        """Takes the mean of the batch away."""

        def call(self, inputs: Any) -> Any:
            return inputs - tf.reduce_mean(inputs, axis=0, keepdims=True)

    @register
    class Traced(layers.Layer):  # type: ignore[misc]
        """Computes something else where it is traced, by 0.1 %."""

        def call(self, inputs: Any) -> Any:
            return inputs * (1.0 if tf.executing_eagerly() else 1.001)

    @register
    class Counting(layers.Layer):  # type: ignore[misc]
        """Adds how often it was called."""

        def build(self, shape: Any) -> None:
            self.count = self.add_weight("count", shape=(), initializer="zeros", trainable=False)
            super().build(shape)

        def call(self, inputs: Any) -> Any:
            return inputs + self.count.assign_add(1.0)

    @register
    class Forgetful(layers.Layer):  # type: ignore[misc]
        """A layer with a factor that its configuration does not name."""

        factor = 1.0

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    @register
    class Pairs(layers.Layer):  # type: ignore[misc]
        """Takes no single sample."""

        def call(self, inputs: Any) -> Any:
            if inputs.shape[0] == 1:
                raise ValueError("no pair")
            return inputs

    every = (Standardized, Noisy, Centered, Traced, Counting, Forgetful, Pairs)
    return {each.__name__: each for each in every}


def stack(*stages: Any) -> Any:
    """A scaling, these layers and a dense one."""
    set_seed(3)
    layers = keras().layers
    inputs = signal = keras().Input(SHAPE, name="image")
    for layer in (layers.Rescaling(1 / 255), *stages, layers.Flatten(), layers.Dense(CLASSES, name="logits")):
        signal = layer(signal)
    return keras().Model(inputs, signal, name="odd")


def standardized() -> Any:
    """A subclass of a convolution right behind the scaling."""
    return stack(own_layers()["Standardized"](4, 3, name="first"))


def called_twice() -> Any:
    """A convolution behind the scaling, and behind itself."""
    convolution = keras().layers.Conv2D(1, 3, padding="same", name="first")
    return stack(convolution, convolution)


def recurrent() -> Any:
    """An LSTM over the rows of an image."""
    layers = keras().layers
    return stack(layers.Reshape(SHAPE[:2]), layers.LSTM(32))


def with_operations() -> Any:
    """Hard swish and a reshape as TensorFlow operations in the graph."""
    tf, layers = tensorflow(), keras().layers
    set_seed(3)
    inputs = keras().Input(SHAPE, name="image")
    signal = layers.Conv2D(8, 3, name="first")(layers.Rescaling(1 / 255)(inputs))
    signal = signal * tf.nn.relu6(signal + 3.0) / 6.0
    signal = tf.reshape(layers.Conv2D(4, 3, strides=2, name="second")(signal), (-1, 144))
    return keras().Model(inputs, layers.Dense(CLASSES, name="logits")(signal), name="operations")
