"""ResNet-8 as MLPerf Tiny trains it on CIFAR-10 (Banbury et al. 2021, arXiv:2106.07597)."""

from tasks.backend import KerasModel, TfTensor, keras

FILTERS = (16, 32, 64)
WEIGHT_DECAY = 1e-4


def resnet8(shape: tuple[int, int, int], classes: int, dropout: float) -> KerasModel:
    """Three residual blocks of 16, 32 and 64 filters: 78,666 parameters for 32 × 32 × 3 and ten classes.

    Args:
        shape: height, width and channels.
        classes: number of classes.
        dropout: rate before the last layer.

    Returns:
        the network, from raw pixels to logits.
    """
    tf_keras = keras()
    layers = tf_keras.layers
    inputs = tf_keras.Input(shape=shape, name="image")
    signal = layers.Rescaling(1 / 255)(inputs)
    signal = _convolve(signal, FILTERS[0], kernel=3, strides=1)
    for filters in FILTERS:
        signal = _block(signal, filters, strides=1 if filters == FILTERS[0] else 2)
    signal = layers.GlobalAveragePooling2D()(signal)
    if dropout:
        signal = layers.Dropout(dropout)(signal)
    outputs = layers.Dense(classes, kernel_initializer="he_normal", name="logits")(signal)
    return tf_keras.Model(inputs, outputs, name="resnet8")


def _block(signal: TfTensor, filters: int, strides: int) -> TfTensor:
    layers = keras().layers
    shortcut = signal
    signal = _convolve(signal, filters, kernel=3, strides=strides)
    signal = _convolve(signal, filters, kernel=3, strides=1, relu=False)
    if strides > 1:
        shortcut = _convolution(filters, kernel=1, strides=strides)(shortcut)
    return layers.Activation("relu")(layers.Add()([shortcut, signal]))


def _convolve(signal: TfTensor, filters: int, kernel: int, strides: int, relu: bool = True) -> TfTensor:
    layers = keras().layers
    signal = layers.BatchNormalization()(_convolution(filters, kernel, strides)(signal))
    return layers.Activation("relu")(signal) if relu else signal


def _convolution(filters: int, kernel: int, strides: int) -> TfTensor:
    tf_keras = keras()
    return tf_keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=tf_keras.regularizers.l2(WEIGHT_DECAY),
    )
