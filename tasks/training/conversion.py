"""From a Keras model to a LiteRT flatbuffer that takes raw pixels."""

from collections.abc import Callable
from typing import Any

from tasks.training.backend import KerasModel, keras, tensorflow
from tasks.training.saving import copy_model

Configure = Callable[[Any], None]
RANDOM = ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")  # layers that only training has


def only_trains(layer: Any) -> bool:
    """Is this a layer that augments images in training and passes them on otherwise, such as ``RandomFlip``?"""
    return isinstance(layer, tuple(getattr(keras().layers, f"Random{kind}") for kind in RANDOM))


def fold_scaling(model: KerasModel) -> KerasModel:
    """A copy in which a leading ``Rescaling(scale)`` is part of the first convolution or dense layer.

    ``conv(scale · x, w) = conv(x, scale · w)``, whatever the padding, so that the device saves a pass over the
    image and an int8 model reads its pixels as they are. A model that begins otherwise is copied as it is.
    """
    layers = keras().layers
    body = [layer for layer in model.layers if not (isinstance(layer, layers.InputLayer) or only_trains(layer))]
    if len(body) < 2 or not _foldable(body[0], body[1]):
        return copy_model(model)

    def clone(layer: Any) -> Any:
        if layer is body[0]:
            return layers.Activation("linear", name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    folded = keras().models.clone_model(model, clone_function=clone)
    folded.set_weights(model.get_weights())
    first = folded.get_layer(body[1].name)
    first.set_weights([first.get_weights()[0] * body[0].scale, *first.get_weights()[1:]])
    return folded


def _foldable(head: Any, first: Any) -> bool:
    layers = keras().layers
    return (
        isinstance(head, layers.Rescaling)
        and isinstance(head.scale, int | float)
        and head.offset == 0
        and isinstance(first, layers.Conv2D | layers.Dense)
        and not isinstance(first, layers.DepthwiseConv2D)
        and len(head.outbound_nodes) == 1
        and first.input is head.output
    )


def to_tflite(model: KerasModel, configure: Configure | None = None, float_input: bool = False) -> bytes:
    """Convert ``model``, its leading scaling folded into the first weights; see :func:`convert`."""
    return convert(fold_scaling(model), configure, float_input)


def convert(model: KerasModel, configure: Configure | None = None, float_input: bool = False) -> bytes:
    """Convert a model as it is to a flatbuffer for one image.

    Args:
        model: takes float32 ``[n, height, width, channels]``, 0 to 255, and gives logits ``[n, classes]``.
        configure: sets further properties of the `TFLiteConverter`.
        float_input: take float32 pixels instead of uint8: what the converter needs where it sets the input's type
            itself.

    Returns:
        the flatbuffer: input uint8 ``[1, height, width, channels]``, output ``[1, classes]``.
    """
    tf = tensorflow()

    def serve(image: Any) -> dict[str, Any]:
        return {"logits": model(tf.cast(image, tf.float32), training=False)}

    pixels = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32 if float_input else tf.uint8, name="image")
    function = tf.function(serve).get_concrete_function(pixels)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    if configure:
        configure(converter)
    return bytes(converter.convert())
