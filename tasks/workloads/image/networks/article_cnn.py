"""The small convolutional network of the article that slimline began with."""

from tasks.backend import KerasModel, keras


def article_cnn(shape: tuple[int, int, int], classes: int, dropout: float) -> KerasModel:
    """Two convolutions with max-pooling and two dense layers: 167,562 parameters for 32 × 32 × 3 and ten classes.

    The last layer gives logits: a softmax there together with a from-logits loss, as the article has it, applies
    the softmax twice.

    Args:
        shape: height, width and channels; at least 10 × 10.
        classes: number of classes.
        dropout: rate after each pooling (a half of it) and before the last layer.

    Returns:
        the network, from raw pixels to logits.
    """
    tf_keras = keras()
    layers = tf_keras.layers
    drops = (
        [layers.Dropout(dropout / 2), layers.Dropout(dropout / 2), layers.Dropout(dropout)] if dropout else [None] * 3
    )
    stack = [
        tf_keras.Input(shape=shape, name="image"),
        layers.Rescaling(1 / 255),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        drops[0],
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        drops[1],
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        drops[2],
        layers.Dense(classes, name="logits"),
    ]
    return tf_keras.Sequential([layer for layer in stack if layer is not None], name="article_cnn")
