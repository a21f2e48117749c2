"""Convert a Keras model to a LiteRT flatbuffer that takes a sample as it is kept."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tasks.backend import KerasLayer, KerasModel, keras, tensorflow
from tasks.errors import ConversionError, SlimlineError
from tasks.learning import rewrites
from tasks.learning.causes import cause_of, layer_of
from tasks.learning.feeding import IDS, entries, specs_of, taken
from tasks.learning.remaking import layer_not_remade, made_again
from tasks.learning.saved_function import converter_of, is_writable
from tasks.litert import input_names
from tasks.samples import Inputs, Specs

Configure = Callable[[Any], None]
RANDOM = ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")  # layers that only training has
FOLDING = "scaling into the first kernel"
LOCATION = re.compile(r"^loc\(.*\): ")  # in the graph, before the converter's words


def only_trains(layer: KerasLayer) -> bool:
    """Return whether this layer augments images in training and passes them on otherwise, as ``RandomFlip`` does.

    Args:
        layer: of a network.
    """
    return isinstance(layer, tuple(getattr(keras().layers, f"Random{kind}") for kind in RANDOM))


def fold_scaling(model: KerasModel, specs: Specs | None = None) -> KerasModel:
    """The network with a leading ``Rescaling(scale)`` as part of its first convolution or dense layer.

    ``conv(scale · x, w) = conv(x, scale · w)``, whatever the padding, so that the device saves a pass over the
    image and an int8 model reads its pixels as they are.

    Args:
        model: the network.
        specs: its inputs; None: as far as the network alone tells.

    Returns:
        a copy; ``model`` itself where it begins otherwise, as one of several inputs does, or its outputs would change.
    """
    head = _scaling(model)
    if head is None:
        return model
    first = rewrites.only_reader(model, head)
    if first is None:
        rewrites.note(FOLDING, head.name, _why_not_foldable(model, head, first))
        return model
    reason = _why_not_foldable(model, head, first)
    if not reason:
        folded = _folded(model, head, first)
        reason = rewrites.why_not_exact(model, folded, specs=specs)
    rewrites.note(FOLDING, first.name, reason)
    return model if reason else folded


def _scaling(model: KerasModel) -> KerasLayer | None:
    """The scaling that a network of one input begins with, behind what only training has."""
    if len(model.inputs) > 1:
        return None
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

    with made_again("copied", lambda: layer_not_remade(model)):
        folded = keras().models.clone_model(model, clone_function=clone)
    folded.set_weights(model.get_weights())
    kernel, *others = first.get_weights()
    folded.get_layer(first.name).set_weights([kernel * head.scale, *others])
    return folded


def to_tflite(
    model: KerasModel, configure: Configure | None = None, float_input: bool = False, specs: Specs | None = None
) -> bytes:
    """Return the file of ``model``, its leading scaling folded into the first weights; see :func:`convert`.

    Args:
        model: the network.
        configure: see :func:`convert`.
        float_input: see :func:`convert`.
        specs: see :func:`convert`.
    """
    return convert(fold_scaling(model, specs), configure, float_input, specs)


def convert(
    model: KerasModel, configure: Configure | None = None, float_input: bool = False, specs: Specs | None = None
) -> bytes:
    """Convert a model as it is to a flatbuffer for one sample.

    Args:
        model: takes its inputs as :func:`tasks.learning.feeding.fed` gives them, and gives logits ``[n, outputs]``.
        configure: sets further properties of the `TFLiteConverter`; a representative data set is one of
            :class:`tasks.samples.Inputs`, of a sample each.
        float_input: let the converter set the type of uint8 inputs itself, where it can: it then has float32 for them
            until it is done. It has one type for all inputs that are no ids, so that beside float32 they are cast.
        specs: the inputs; None: as far as the network alone tells.

    Returns:
        the flatbuffer: its signature has each input by its name, of its own type, ``[1, *shape]``; output ``[1,
        outputs]``; of a model with several outputs these are called ``0``, ``1``, ….

    Raises:
        ConversionError: a layer takes no single sample, or LiteRT has no operation for it.
    """
    tf = tensorflow()
    fixed, specs = specs is not None, specs or specs_of(model)
    by_converter = float_input and _is_set_by_converter(specs)
    given = {
        spec.name: tf.TensorSpec(
            [1, *(spec.shape if fixed else tensor.shape[1:])],
            "float32" if by_converter and spec.dtype == "uint8" else spec.dtype,
            name=spec.name,
        )
        for spec, tensor in entries(model, specs)
    }

    def serve(**inputs: Any) -> dict[str, Any]:
        outputs = model(taken({name: _as_taken(inputs[name]) for name in given}), training=False)
        if isinstance(outputs, list):
            return {str(index): tf.identity(output) for index, output in enumerate(outputs)}
        return {"logits": outputs}

    with _traced():
        function = tf.function(serve).get_concrete_function(**given)
    converter = _converter(function, model)
    if configure:
        configure(converter)
        _settle(converter, given, by_converter or not float_input)
    with _converted(), _fresh_state():
        return bytes(converter.convert())


@contextlib.contextmanager
def _converted() -> Iterator[None]:
    """Turn what the converter raises of a layer that LiteRT cannot compute into a sentence."""
    try:
        yield
    except (_converter_error(), RuntimeError, ValueError) as error:
        raise ConversionError(
            f"Expected layers that LiteRT has operations for. Received: {_cause(str(error))}. "
            f"Write that layer with other operations, or take another mode."
        ) from error


@contextlib.contextmanager
def _traced() -> Iterator[None]:
    """Turn what a layer raises that cannot be called with one sample into a sentence."""
    try:
        yield
    except (SlimlineError, OSError, MemoryError):
        raise
    except Exception as error:  # of Keras, or of a layer of the user's own
        layer = layer_of(error)
        raise ConversionError(
            f"Expected a network that can be called with one sample, as a device calls it. "
            f"Received: {f'layer {layer}, ' if layer else ''}{': '.join(cause_of(error))}. "
            f"Write that layer with operations that take a batch of one."
        ) from error


def _as_taken(tensor: Any) -> Any:
    tf = tensorflow()
    return tensor if tensor.dtype.name in IDS else tf.cast(tensor, tf.float32)


def _is_set_by_converter(specs: Specs) -> bool:
    """Return whether uint8 can be the type of all inputs that are no ids."""
    return {spec.dtype for spec in specs} - set(IDS) == {"uint8"}


def _settle(converter: Any, given: Mapping[str, Any], typed: bool) -> None:
    """Let the converter see samples as the function takes them; unless ``typed`` inputs keep their types."""
    if not typed:
        converter.inference_input_type = tensorflow().float32
    samples = converter.representative_dataset
    if samples is not None:
        converter.representative_dataset = lambda: (_as_given(sample, given) for sample in samples())


def _as_given(sample: Inputs, given: Mapping[str, Any]) -> Any:
    """A sample as the calibrator takes it: a list of one array, or arrays by name."""
    if len(given) == 1:
        (spec,), (array,) = given.values(), sample.arrays.values()
        return [array.astype(spec.dtype.as_numpy_dtype)]
    return {name: sample.arrays[name].astype(spec.dtype.as_numpy_dtype) for name, spec in given.items()}


def _converter(function: Any, model: KerasModel) -> Any:
    """Return a converter of a function, which holds all that it reads: its variables, or the model if there is more."""
    if is_writable(function):
        return converter_of(function)
    tf = tensorflow()
    known = {id(variable.handle) for variable in function.variables}
    if any(tensor.dtype == tf.resource and id(tensor) not in known for tensor in function.captured_inputs):
        return tf.lite.TFLiteConverter.from_concrete_functions([function], model)  # a table
    holder = tf.Module()
    holder.held = list(function.variables)
    return tf.lite.TFLiteConverter.from_concrete_functions([function], holder)


def _converter_error() -> type[Exception]:
    from tensorflow.lite.python.convert_phase import ConverterError

    return ConverterError  # type: ignore[no-any-return]


def _cause(message: str) -> str:
    """The line of the converter's message that names the operation."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    named = [LOCATION.sub("", line.partition("error: ")[2]) for line in lines if "error: " in line]
    return (named or lines or ["no reason"])[0][:300].rstrip(".")


@contextlib.contextmanager
def _fresh_state() -> Iterator[None]:
    """Let the converter measure ranges from a fresh state with each sample, as every run begins (tasks.litert).

    Its calibrator sets variables back when it is prepared, which it does once for all samples. Samples of several
    inputs are brought to the order in which the file takes them: given names it loads a deprecated interpreter.
    """
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    feed = Calibrator._feed_tensors

    def feed_each(self: Any, samples: Callable[[], Iterator[Any]], resize_input: bool) -> None:
        names: list[str] = []
        for sample in samples():
            names = names or (input_names(bytes(self._model_content)) if isinstance(sample, dict) else [])
            arrays = [sample[name] for name in names] if names else sample
            feed(self, functools.partial(iter, [arrays]), resize_input)

    Calibrator._feed_tensors = feed_each
    try:
        yield
    finally:
        Calibrator._feed_tensors = feed
