"""Convert a Keras model to a LiteRT flatbuffer that takes raw pixels."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from tasks.backend import KerasLayer, KerasModel, keras, tensorflow
from tasks.errors import ConversionError
from tasks.learning import rewrites
from tasks.learning.saving import copy_model

Configure = Callable[[Any], None]
RANDOM = ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")  # layers that only training has
FOLDING = "scaling into the first kernel"


def only_trains(layer: KerasLayer) -> bool:
    """Return whether this layer augments images in training and passes them on otherwise, as ``RandomFlip`` does."""
    return isinstance(layer, tuple(getattr(keras().layers, f"Random{kind}") for kind in RANDOM))


def fold_scaling(model: KerasModel) -> KerasModel:
    """A copy in which a leading ``Rescaling(scale)`` is part of the first convolution or dense layer.

    ``conv(scale · x, w) = conv(x, scale · w)``, whatever the padding, so that the device saves a pass over the
    image and an int8 model reads its pixels as they are. A model that begins otherwise is copied as it is, and so is
    one whose outputs would change.
    """
    head = _scaling(model)
    if head is None:
        return copy_model(model)
    first = rewrites.only_reader(model, head)
    if first is None:
        rewrites.note(FOLDING, head.name, _why_not_foldable(model, head, first))
        return copy_model(model)
    reason = _why_not_foldable(model, head, first)
    if not reason:
        folded = _folded(model, head, first)
        reason = rewrites.why_not_exact(model, folded)
    rewrites.note(FOLDING, first.name, reason)
    return copy_model(model) if reason else folded


def _scaling(model: KerasModel) -> KerasLayer | None:
    """The scaling that the network begins with, behind what only training has."""
    layers = [
        layer for layer in model.layers if not (isinstance(layer, keras().layers.InputLayer) or only_trains(layer))
    ]
    return layers[0] if layers and isinstance(layers[0], keras().layers.Rescaling) else None


def _why_not_foldable(model: KerasModel, head: KerasLayer, first: KerasLayer | None) -> str:
    if not rewrites.is_exactly(head, "Rescaling") or not isinstance(head.scale, int | float) or head.offset != 0:
        return "the scaling is not one factor"
    if first is None or not rewrites.called_once(model, head):
        return "the scaled pixels are used more than once"
    if not rewrites.is_exactly(first, "Conv2D", "Dense"):
        return f"a {type(first).__name__} follows, no Conv2D or Dense"
    if not rewrites.called_once(model, first):
        return f"{first.name} is used more than once"
    return "" if rewrites.in_float32(head, first) else "it is not computed in float32"


def _folded(model: KerasModel, head: KerasLayer, first: KerasLayer) -> KerasModel:
    def clone(layer: KerasLayer) -> KerasLayer:
        if layer is head:
            nothing: KerasLayer = keras().layers.Activation("linear", name=layer.name)
            return nothing
        return layer.__class__.from_config(layer.get_config())

    folded = keras().models.clone_model(model, clone_function=clone)
    folded.set_weights(model.get_weights())
    kernel, *others = first.get_weights()
    folded.get_layer(first.name).set_weights([kernel * head.scale, *others])
    return folded


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
        the flatbuffer: input uint8 ``[1, height, width, channels]``, output ``[1, classes]``; of a model with several
        outputs these are called ``0``, ``1``, ….

    Raises:
        ConversionError: LiteRT has no operation for a layer.
    """
    tf = tensorflow()

    def serve(image: Any) -> dict[str, Any]:
        outputs = model(tf.cast(image, tf.float32), training=False)
        if isinstance(outputs, list):
            return {str(index): tf.identity(output) for index, output in enumerate(outputs)}
        return {"logits": outputs}

    pixels = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32 if float_input else tf.uint8, name="image")
    function = tf.function(serve).get_concrete_function(pixels)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], _held_by(function, model))
    if configure:
        configure(converter)
    try:
        with _fresh_state():
            return bytes(converter.convert())
    except (_converter_error(), RuntimeError, ValueError) as error:
        raise ConversionError(
            f"Expected layers that LiteRT has operations for. Received: {_cause(str(error))}. "
            f"Write that layer with other operations, or take another mode."
        ) from error


def _held_by(function: Any, model: KerasModel) -> Any:
    """Return what holds all that a function reads while it is converted: its variables, or the model if there is more.

    The converter writes a SavedModel of it. Of a model that is one with every layer's functions, traced anew, which
    takes five times as long as all the rest.
    """
    tf = tensorflow()
    known = {id(variable.handle) for variable in function.variables}
    if any(tensor.dtype == tf.resource and id(tensor) not in known for tensor in function.captured_inputs):
        return model  # a table
    holder = tf.Module()
    holder.held = list(function.variables)
    return holder


def _converter_error() -> type[Exception]:
    from tensorflow.lite.python.convert_phase import ConverterError

    return ConverterError  # type: ignore[no-any-return]


def _cause(message: str) -> str:
    """The line of the converter's message that names the operation."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    named = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return (named or lines or ["no reason"])[0][:300].rstrip(".")


@contextlib.contextmanager
def _fresh_state() -> Iterator[None]:
    """Let the converter measure ranges from a fresh state with each sample, as every run begins (tasks.litert).

    Its calibrator sets variables back when it is prepared, which it does once for all samples.
    """
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    feed = Calibrator._feed_tensors

    def feed_each(self: Any, samples: Callable[[], Iterator[Any]], resize_input: bool) -> None:
        for sample in samples():
            feed(self, functools.partial(iter, [sample]), resize_input)

    Calibrator._feed_tensors = feed_each
    try:
        yield
    finally:
        Calibrator._feed_tensors = feed
