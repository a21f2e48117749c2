"""Digits and small networks that the tests of training and compression share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import keras, set_seed
from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.learning.fitting import Plan, fit
from tasks.samples import SplitName, TensorSpec, read_batches
from tasks.workloads.image.networks import BUILDERS

SHAPE, CLASSES = (16, 16, 1), 10
SPECS = (TensorSpec(name="image", dtype="uint8", shape=SHAPE, low=0, high=255),)


def prepare_digits(folder: Path) -> Path:
    """The built-in digits as shards: 967 to train, 288 to validate, 542 to test."""
    data = Data.model_validate({"source": "digits", "split": {"validation": 0.15, "test": 0.3}})
    prepare(data, current_listing(data), folder)
    return folder


def samples(split: SplitName, folder: Path, most: int = 5000) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 ``[n, 16, 16, 1]`` and labels of a split."""
    inputs, labels = next(read_batches(split, most, folder))
    return inputs.arrays["image"], labels


def trained(model: Any, folder: Path, plan: Plan) -> Any:
    """The network, trained on the digits."""
    fit(model, plan, folder, say=lambda _: None)
    return model


class Stopped(Exception):
    """Something ended the training."""


def stopping_after(epoch: int, lines: list[str]) -> Callable[[str], None]:
    """A listener to a training that ends it after so many epochs; ``lines`` gets what it heard."""

    def say(line: str) -> None:
        lines.append(line)
        if line.startswith(f"epoch {epoch + 1}/"):
            raise Stopped

    return say


def answers(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits of a Keras model."""
    return np.asarray(model(images.astype(np.float32), training=False))


def tiny() -> Any:
    """The least network that every technique has something to do with; dropout has a state that resuming must keep."""
    layers = keras().layers
    return keras().Sequential(
        [
            keras().Input(SHAPE, name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, name="logits"),
        ],
        name="tiny",
    )


def residual() -> Any:
    """A network with what makes ResNets hard, in small: BatchNorm after convolutions, and a sum of two ways."""
    layers = keras().layers
    inputs = keras().Input(SHAPE, name="image")
    signal = layers.Rescaling(1 / 255)(inputs)
    signal = layers.Conv2D(12, 3, strides=2, padding="same")(signal)
    signal = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(signal))
    other = layers.Conv2D(12, 3, padding="same")(signal)
    other = layers.BatchNormalization(momentum=0.8)(other)
    signal = layers.ReLU()(layers.Add()([signal, other]))
    signal = layers.Flatten()(layers.AveragePooling2D()(signal))
    return keras().Model(inputs, layers.Dense(CLASSES, name="logits")(signal), name="residual")


def depthwise() -> Any:
    """A network with a depthwise convolution and a model within the model, both of which TFMOT passes over."""
    tf_keras = keras()
    layers = tf_keras.layers
    deep = layers.Dense(12, activation="relu", name="deep")
    inner = tf_keras.Sequential([layers.Input((12,)), deep], name="inner")
    return tf_keras.Sequential(
        [
            tf_keras.Input(SHAPE, name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(12, 3, strides=2, activation="relu", name="convolution"),
            layers.DepthwiseConv2D(3, activation="relu", name="channelwise"),
            layers.GlobalAveragePooling2D(),
            inner,
            layers.Dense(CLASSES, name="logits"),
        ],
        name="depthwise",
    )


def transposed() -> Any:
    """A convolution, a transposed one of other widths, and one along one axis."""
    layers = keras().layers
    return keras().Sequential(
        [
            keras().Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=2, activation="relu", name="down"),
            layers.Conv2DTranspose(6, 3, strides=2, activation="relu", name="up"),
            layers.Reshape((15 * 15, 6)),
            layers.Conv1D(8, 3, strides=2, activation="relu", name="along"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(CLASSES, name="logits"),
        ]
    )


def trained_article(folder: Path) -> Any:
    """The article's network, trained on the digits."""
    set_seed(1)
    model = BUILDERS["article_cnn"](SHAPE, CLASSES, 0.25)
    return trained(model, folder, Plan(epochs=6, batch_size=64, learning_rate=0.003, seed=1))


def trained_tiny(folder: Path) -> Any:
    """The least network, trained on the digits."""
    set_seed(1)
    return trained(tiny(), folder, Plan(epochs=6, batch_size=64, learning_rate=0.003, seed=1))


def trained_residual(folder: Path) -> Any:
    """The small network with BatchNorm and Add, trained on the digits."""
    set_seed(1)
    return trained(residual(), folder, Plan(epochs=6, batch_size=64, learning_rate=0.005, seed=1))


def trained_resnet(folder: Path) -> Any:
    """ResNet-8, trained on the digits."""
    set_seed(1)
    model = BUILDERS["resnet8"](SHAPE, CLASSES, 0.0)
    return trained(model, folder, Plan(epochs=12, batch_size=64, learning_rate=0.002, seed=1))
