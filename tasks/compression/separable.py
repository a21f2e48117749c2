"""Separable convolutions as the two layers that they are, so that techniques find a kernel in each."""

from typing import Any

from tasks.compression.replacement import Factor, Replacement, rebuild
from tasks.compression.technique import Model
from tasks.training.backend import keras
from tasks.training.saving import copy_model

DEPTHWISE = ("strides", "padding", "data_format", "dilation_rate", "depth_multiplier", "dtype")
POINTWISE = ("filters", "data_format", "activation", "use_bias", "bias_regularizer", "activity_regularizer", "dtype")


def split_separable(model: Model) -> Model:
    """A copy in which each ``SeparableConv2D`` is a depthwise convolution and one of single pixels, same answers.

    A separable layer has two kernels, the larger of which no toolkit prunes, clusters or quantizes in training. The
    second layer has the name of the whole, the first that name and ``_depthwise``. LiteRT runs them as two in any case.
    """
    kind = keras().layers.SeparableConv2D
    found = {layer.name: _two(layer) for layer in model.layers if isinstance(layer, kind)}
    return rebuild(model, found) if found else copy_model(model)


def _two(layer: Any) -> Replacement:
    config, layers = layer.get_config(), keras().layers
    depthwise, pointwise, *bias = layer.get_weights()
    first = layers.DepthwiseConv2D(
        layer.kernel_size, use_bias=False, name=f"{layer.name}_depthwise", **{key: config[key] for key in DEPTHWISE}
    )
    second = layers.Conv2D(kernel_size=1, name=layer.name, **{key: config[key] for key in POINTWISE})
    return Replacement(((Factor(first, (depthwise,)), Factor(second, (pointwise, *bias))),), widths={})
