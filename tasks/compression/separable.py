"""Separable convolutions as the two layers that they are, so that techniques find a kernel in each."""

from tasks.backend import KerasLayer, KerasModel, keras
from tasks.compression.replacement import Factor, Replacement, replace_layers
from tasks.learning.rewrites import in_float32, note, why_not_exact
from tasks.learning.saving import copy_model
from tasks.samples import Specs

REWRITE = "separable as two"

DEPTHWISE = ("strides", "padding", "data_format", "dilation_rate", "depth_multiplier", "dtype")
POINTWISE = ("filters", "data_format", "activation", "use_bias", "bias_regularizer", "activity_regularizer", "dtype")


def split_separable(model: KerasModel, specs: Specs | None = None) -> KerasModel:
    """Return a copy in which each separable convolution is a depthwise one and one of single pixels, same answers.

    A separable layer has two kernels, the larger of which TFMOT neither prunes, clusters nor quantizes. The
    second layer has the name of the whole, the first that name and ``_depthwise``. LiteRT runs them as two in any case.
    A layer stays whole where the two would not give its outputs, which is noted (:mod:`tasks.learning.rewrites`).

    Args:
        model: the network.
        specs: its inputs; None: as far as the network alone tells.
    """
    layers = keras().layers
    separable = [layer for layer in model.layers if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D)]
    reasons = {layer.name: _why_not(layer) for layer in separable}
    found = {layer.name: _two(layer) for layer in separable if not reasons[layer.name]}
    split = replace_layers(model, found) if found else copy_model(model)
    if reason := found and why_not_exact(model, split, specs=specs):
        split, reasons = copy_model(model), reasons | dict.fromkeys(found, reason)
    for name, reason in reasons.items():
        note(REWRITE, name, reason)
    return split


def _why_not(layer: KerasLayer) -> str:
    if layer.padding == "causal":
        return "its padding is causal"
    if _parts(layer) is None:
        return f"a {type(layer).__name__} may compute something else"
    return "" if in_float32(layer) else "it is not computed in float32"


def _parts(layer: KerasLayer) -> tuple[KerasLayer, KerasLayer] | None:
    """The kinds of the two layers; None where there are none, as for causal padding, or where a subclass does more."""
    layers = keras().layers
    if type(layer) is layers.SeparableConv2D:
        return layers.DepthwiseConv2D, layers.Conv2D
    if type(layer) is layers.SeparableConv1D and layer.padding != "causal":
        return layers.DepthwiseConv1D, layers.Conv1D
    return None


def _two(layer: KerasLayer) -> Replacement:
    parts = _parts(layer)
    assert parts is not None
    config = layer.get_config()
    depthwise, pointwise, *bias = layer.get_weights()
    first = parts[0](
        layer.kernel_size, use_bias=False, name=f"{layer.name}_depthwise", **{key: config[key] for key in DEPTHWISE}
    )
    second = parts[1](kernel_size=1, name=layer.name, **{key: config[key] for key in POINTWISE})
    return Replacement(((Factor(first, (depthwise,)), Factor(second, (pointwise, *bias))),), widths={})
