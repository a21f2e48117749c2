"""Networks whose weights are hard to find in a file by what tensors are called, or by their shapes."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.backend import keras, set_seed
from tests.tasks.training.material import CLASSES, SHAPE


def names() -> Any:
    """A model called as layers are, layers called as a path, inner and outer layers of one name."""
    tf_keras, layers = keras(), keras().layers
    block = tf_keras.Sequential([tf_keras.Input((14, 14, 6)), layers.Conv2D(8, 3, name="conv")], name="block")
    inner = tf_keras.Sequential(
        [
            tf_keras.Input((10, 10, 8)),
            layers.Conv2D(6, 3, name="classifier"),
            layers.Flatten(),
            layers.Dense(8, name="end"),
        ],
        name="classifier",
    )
    stack = [
        layers.Conv2D(6, 3, name="conv"),
        block,
        layers.Conv2D(8, 3, name="block/conv"),
        inner,
        layers.Dense(CLASSES, name="a/logits"),
    ]
    return tf_keras.Sequential([tf_keras.Input(SHAPE), layers.Rescaling(1 / 255), *stack], name="classifier")


def shared() -> Any:
    """A convolution, a dense layer and a BatchNorm that are called twice, and grouped convolutions."""
    tf_keras, layers = keras(), keras().layers
    inputs = tf_keras.Input(SHAPE)
    twice, dense = layers.Conv2D(8, 3, padding="same", name="twice"), layers.Dense(12, activation="relu", name="dense")
    signal = layers.Conv2D(8, 3, strides=2, padding="same", name="first")(layers.Rescaling(1 / 255)(inputs))
    one = twice(layers.Conv2D(8, 3, groups=2, padding="same", name="grouped")(signal))
    other = twice(layers.ReLU()(one))
    pooled = [dense(layers.GlobalAveragePooling2D()(each)) for each in (one, other)]
    return tf_keras.Model(inputs, layers.Dense(CLASSES, name="logits")(layers.Concatenate()(pooled)))


def sequence() -> Any:
    """Convolutions of one dimension, a separable one, and attention, whose kernels have axes of their own."""
    tf_keras, layers = keras(), keras().layers
    inputs = tf_keras.Input(SHAPE)
    signal = layers.Reshape((16, 16))(layers.Rescaling(1 / 255)(inputs))
    signal = layers.SeparableConv1D(16, 3, name="separable")(signal)
    signal = layers.Conv1D(16, 3, name="one")(signal)
    signal = layers.Add()([signal, layers.MultiHeadAttention(2, 8, name="attention")(signal, signal)])
    signal = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), name="einsum")(signal)
    return tf_keras.Model(inputs, layers.Dense(CLASSES, name="logits")(layers.Flatten()(signal)))


def normalized() -> Any:
    """Squeeze and excite with BatchNorm and GroupNormalization, behind resizing and cropping."""
    tf_keras, layers = keras(), keras().layers
    inputs = tf_keras.Input(SHAPE)
    signal = layers.Rescaling(1 / 255)(layers.CenterCrop(12, 12)(layers.Resizing(14, 14)(inputs)))
    signal = layers.Conv2D(8, 3, use_bias=False, name="first")(signal)
    signal = layers.ReLU()(layers.BatchNormalization()(signal))
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(signal))
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="gate")(gate)
    signal = layers.GroupNormalization(4)(layers.Multiply()([signal, gate]))
    return tf_keras.Model(inputs, layers.Dense(CLASSES, name="logits")(layers.Flatten()(signal)))


def recurrent() -> Any:
    """An LSTM, which is one operator, and a GRU, which is a loop with a graph of its own."""
    tf_keras, layers = keras(), keras().layers
    stack = [
        layers.Reshape((16, 16)),
        layers.LSTM(12, return_sequences=True, name="lstm"),
        layers.GRU(12, name="gru"),
        layers.Dense(CLASSES, name="logits"),
    ]
    return tf_keras.Sequential([tf_keras.Input(SHAPE), layers.Rescaling(1 / 255), *stack])


@functools.cache
def both() -> Any:
    """The class of a layer of one's own that gives the layers within it no names."""
    layers = keras().layers

    @keras().saving.register_keras_serializable("awkward")
    class Both(layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, outputs: int = 8, **settings: Any) -> None:
            super().__init__(**settings)
            self.outputs = outputs
            self.first = layers.Conv2D(outputs, 3, padding="same")
            self.others = [layers.Conv2D(outputs, 1), layers.Conv2D(outputs, 1, name="last")]

        def call(self, inputs: Any) -> Any:
            signal = self.first(inputs)
            for layer in self.others:
                signal = layer(signal)
            return signal

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "outputs": self.outputs}

    return Both


def unnamed() -> Any:
    """Two layers of one's own whose inner layers get other names in each copy."""
    tf_keras, layers = keras(), keras().layers
    stack = [both()(6, name="block1"), layers.MaxPooling2D(4), both()(4, name="block2"), layers.Flatten()]
    return tf_keras.Sequential(
        [tf_keras.Input(SHAPE), layers.Rescaling(1 / 255), *stack, layers.Dense(CLASSES, name="logits")]
    )


PATHS: dict[Callable[[], Any], set[str]] = {
    names: {"conv", "block/conv (2)", "block/conv", "classifier/classifier", "classifier/end", "a/logits"},
    shared: {"first", "grouped", "twice", "dense", "logits"},
    sequence: {
        "separable/depthwise_kernel",
        "separable/pointwise_kernel",
        "one",
        *(f"attention/{each}" for each in ("query", "key", "value", "attention_output")),
        "einsum",
        "logits",
    },
    normalized: {"first", "gate", "logits"},
    unnamed: {*(f"block{each}/{name}" for each in (1, 2) for name in ("first", "others_0", "last")), "logits"},
    recurrent: {"lstm/kernel", "lstm/recurrent_kernel", "gru/kernel", "gru/recurrent_kernel", "logits"},
}


def filled(network: Callable[[], Any]) -> Any:
    """The network with seeded weights, biases and statistics that are not what layers begin with."""
    set_seed(1)
    model, chance = network(), np.random.default_rng(1)
    for variable in model.weights:
        if len(variable.shape) == 1:
            low, high = (-0.1, 0.1) if "bias" in variable.name or "beta" in variable.name else (0.5, 1.5)
            variable.assign(chance.uniform(low, high, variable.shape))
    return model
