"""Quantization-aware training through TFMOT: the maths and the plumbing behind ``quantize: {aware: true}``."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.layers import split_head
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.technique import Context, Model
from tasks.compression.toolkit import toolkit
from tasks.training.backend import keras

WHITE = 255.0  # the largest pixel
BATCH = 50
RANGES = ("/output_min", "/post_activation_min")  # of a layer's activations; each has a "…_max" beside it

Samples = Callable[[], Iterator[list[Any]]]


def train_aware(model: Model, block: Retraining, context: Context, samples: Samples) -> Model:
    """Train ``model`` with its 8-bit rounding simulated.

    The rescaling of pixels stays outside, since TFMOT refuses it, and is folded in afterwards where it can be.

    Args:
        model: from raw pixels to logits.
        block: how it is trained.
        context: of the recipe.
        samples: images that the first ranges are measured on, one at a time: float32 ``[1, height, width, channels]``.

    Returns:
        a model from raw pixels (0 to 255) to logits whose layers carry the trained ranges.
    """
    head, body = split_head(model)
    aware = toolkit().quantization.keras.quantize_model(body)
    scale, offset = (float(head.scale), float(head.offset)) if head is not None else (1.0, 0.0)
    images = np.concatenate([image for (image,) in samples()])
    measure_ranges(aware, body, images * scale + offset)
    whole = join(head, aware)
    _set_input_range(aware, offset, WHITE * scale + offset)
    retrain(whole, block, context)
    _set_input_range(aware, offset, WHITE * scale + offset)  # it moved; what pixels can be did not
    if offset or not _foldable(aware):
        return whole
    fold(aware, scale)
    return aware


def join(head: Any | None, aware: Model) -> Model:
    """The model from raw pixels to logits."""
    pixels = keras().Input(shape=aware.input_shape[1:], name="pixels")
    scaled = head.__class__.from_config(head.get_config())(pixels) if head is not None else pixels
    return keras().Model(pixels, aware(scaled), name="aware")


def measure_ranges(aware: Model, body: Model, inputs: NDArray[Any]) -> None:
    """Let the range of each activation begin where it is.

    TFMOT lets it begin at ±6 and move by a thousandth a step, which a short training does not get over.
    """
    known = {layer.name for layer in body.layers}
    ranged = [
        (layer.layer.name, variable, _variable(layer, ending.replace("_min", "_max")))
        for layer in aware.layers
        for variable in layer.weights
        for ending in RANGES
        if variable.name.split(":")[0].endswith(ending) and layer.layer.name in known
    ]
    probe = keras().Model(body.input, [body.get_layer(name).output for name, _, _ in ranged])
    # zero is always in the range, or it could not be stored exactly
    lows, highs = np.zeros(len(ranged)), np.zeros(len(ranged))
    for start in range(0, len(inputs), BATCH):
        outputs = probe(inputs[start : start + BATCH], training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        lows = np.minimum(lows, [np.min(output) for output in outputs])
        highs = np.maximum(highs, [np.max(output) for output in outputs])
    for (_, least, most), low, high in zip(ranged, lows, highs, strict=True):
        if low < high:
            least.assign(low)
            most.assign(high)


def _set_input_range(aware: Model, low: float, high: float) -> None:
    entry = _entry(aware)
    _variable(entry, "_min").assign(low)
    _variable(entry, "_max").assign(high)


def _foldable(aware: Model) -> bool:
    """Does what enters go to one convolution or dense layer alone?"""
    followers = [node.outbound_layer for node in _entry(aware).outbound_nodes]
    return len(followers) == 1 and any(_is(variable, "/kernel") for variable in followers[0].weights)


def fold(aware: Model, scale: float) -> None:
    """Move ``scale`` from the input into the first layer's kernel and its range; the outputs stay the same."""
    first = _entry(aware).outbound_nodes[0].outbound_layer
    for name in ("/kernel", "/kernel_min", "/kernel_max"):
        _variable(first, name).assign(_variable(first, name) * scale)
    _set_input_range(aware, 0.0, WHITE)


def _entry(aware: Model) -> Any:
    return next(layer for layer in aware.layers if layer.__class__.__name__ == "QuantizeLayer")


def _variable(layer: Any, ending: str) -> Any:
    return next(variable for variable in layer.weights if _is(variable, ending))


def _is(variable: Any, ending: str) -> bool:
    return bool(variable.name.split(":")[0].endswith(ending))
