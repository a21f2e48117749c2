"""A small network of depthwise separable convolutions, as MobileNet has them (Howard et al. 2017, arXiv:1704.04861)."""

from tasks.backend import KerasModel, TfTensor, keras

STEM = 16
BLOCKS = ((32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))  # filters and strides


def mobilenet_small(shape: tuple[int, int, int], classes: int, dropout: float) -> KerasModel:
    """A convolution and six separable ones, each with BatchNorm and ReLU6.

    40,202 parameters for 32 × 32 × 3 and ten classes.

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
    signal = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    signal = layers.Conv2D(STEM, 3, padding="same", use_bias=False, name="stem")(signal)
    signal = _activate(signal, "stem")
    for index, (filters, strides) in enumerate(BLOCKS, 1):
        signal = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False, name=f"depthwise_{index}")(signal)
        signal = _activate(signal, f"depthwise_{index}")
        signal = layers.Conv2D(filters, 1, use_bias=False, name=f"pointwise_{index}")(signal)
        signal = _activate(signal, f"pointwise_{index}")
    signal = layers.GlobalAveragePooling2D()(signal)
    if dropout:
        signal = layers.Dropout(dropout)(signal)
    return tf_keras.Model(inputs, layers.Dense(classes, name="logits")(signal), name="mobilenet_small")


def _activate(signal: TfTensor, name: str) -> TfTensor:
    layers = keras().layers
    return layers.ReLU(6.0)(layers.BatchNormalization(name=f"{name}_norm")(signal))
