"""A plain stack of convolutions after VGG (Simonyan and Zisserman 2015, arXiv:1409.1556), small and with BatchNorm."""

from tasks.backend import KerasModel, TfTensor, keras

FILTERS = (24, 48, 96)


def vgg_small(shape: tuple[int, int, int], classes: int, dropout: float) -> KerasModel:
    """Three pairs of convolutions, each with BatchNorm and halved by pooling: meant as a teacher.

    163,666 parameters and 22 million multiplications for 32 × 32 × 3 and ten classes, 5 times those of the article's
    network.

    Args:
        shape: height, width and channels; at least 8 × 8.
        classes: number of classes.
        dropout: rate after each pooling (a half of it) and before the last layer.

    Returns:
        the network, from raw pixels to logits.
    """
    tf_keras = keras()
    layers = tf_keras.layers
    inputs = tf_keras.Input(shape=shape, name="image")
    signal = layers.Rescaling(1 / 255)(inputs)
    for filters in FILTERS:
        signal = _convolve(_convolve(signal, filters), filters)
        signal = layers.MaxPooling2D()(signal)
        if dropout:
            signal = layers.Dropout(dropout / 2)(signal)
    signal = layers.GlobalAveragePooling2D()(signal)
    if dropout:
        signal = layers.Dropout(dropout)(signal)
    return tf_keras.Model(inputs, layers.Dense(classes, name="logits")(signal), name="vgg_small")


def _convolve(signal: TfTensor, filters: int) -> TfTensor:
    layers = keras().layers
    signal = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(signal)
    return layers.Activation("relu")(layers.BatchNormalization()(signal))
