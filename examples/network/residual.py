"""A small residual network (He et al. 2015, arXiv:1512.03385)."""

from typing import Any

import tf_keras
from tf_keras import layers


def build(shape: tuple[int, int, int], classes: int, dropout: float) -> Any:
    """Two residual blocks.

    Args:
        shape: height, width and channels of an image.
        classes: how many there are.
        dropout: rate before the last layer.
    """
    image = tf_keras.Input(shape, name="image")
    values = layers.Rescaling(1 / 255)(image)
    values = layers.Conv2D(16, 3, padding="same", use_bias=False)(values)
    values = layers.ReLU()(layers.BatchNormalization()(values))
    for filters, strides in ((16, 1), (32, 2)):
        inner = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(values)
        inner = layers.ReLU()(layers.BatchNormalization()(inner))
        inner = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(inner))
        short = values if strides == 1 else layers.Conv2D(filters, 1, strides)(values)
        values = layers.ReLU()(layers.Add()([inner, short]))
    values = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(values))
    return tf_keras.Model(image, layers.Dense(classes, name="logits")(values), name="residual")
