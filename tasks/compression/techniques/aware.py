"""Quantization-aware training through TFMOT: the maths and the plumbing behind ``quantize: {aware: true}``."""

from typing import Any

from tasks.compression.layers import split_head
from tasks.compression.technique import Context, Model
from tasks.compression.toolkit import toolkit
from tasks.training.backend import keras
from tasks.training.fitting import Plan, fit

WHITE = 255.0  # the largest pixel


def train_aware(model: Model, plan: Plan, context: Context) -> Model:
    """Train ``model`` with its 8-bit rounding simulated.

    The rescaling of pixels stays outside, since TFMOT refuses it, and is folded in afterwards. TFMOT lets the range of
    the input begin at ±6 and move by a thousandth a step; the range of pixels is known, so it is set.

    Returns:
        a model from raw pixels (0 to 255) to logits whose layers carry the trained ranges.
    """
    head, body = split_head(model)
    aware = toolkit().quantization.keras.quantize_model(body)
    scale, offset = (float(head.scale), float(head.offset)) if head is not None else (1.0, 0.0)
    _set_input_range(aware, offset, WHITE * scale + offset)
    layers = keras().layers
    whole = keras().Sequential(
        [
            keras().Input(shape=model.input_shape[1:]),
            *([layers.Rescaling(scale, offset)] if head is not None else []),
            aware,
        ]
    )
    fit(whole, plan, context.prepared, context.backup, say=context.say)
    _set_input_range(aware, offset, WHITE * scale + offset)
    if offset:
        return whole
    _fold(aware, scale)
    return aware


def _set_input_range(aware: Model, low: float, high: float) -> None:
    layer = next(layer for layer in aware.layers if layer.__class__.__name__ == "QuantizeLayer")
    _variable(layer, "_min").assign(low)
    _variable(layer, "_max").assign(high)


def _fold(aware: Model, scale: float) -> None:
    """Move ``scale`` from the input into the first layer's kernel and its range; the outputs stay the same."""
    entry = next(layer for layer in aware.layers if layer.__class__.__name__ == "QuantizeLayer")
    first = entry.outbound_nodes[0].outbound_layer
    for name in ("_min", "_max"):
        _variable(entry, name).assign(_variable(entry, name) / scale)
    for name in ("/kernel", "/kernel_min", "/kernel_max"):
        _variable(first, name).assign(_variable(first, name) * scale)


def _variable(layer: Any, ending: str) -> Any:
    return next(variable for variable in layer.weights if variable.name.split(":")[0].endswith(ending))
