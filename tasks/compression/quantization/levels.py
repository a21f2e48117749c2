"""Weights of a few symmetric levels, −L … L times a scale, in files whose kernels are the usual 8-bit ones.

The scale of each output channel is learned beside the weights, as in LSQ (Esser et al. 2020, arXiv:1902.08153): the
gradient of ``scale · round(clip(w / scale))`` passes the rounding straight through. Its logarithm is what is trained,
so that one learning rate suits every layer.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, KerasVariable, TfTensor, keras, tensorflow
from tasks.compression.quantization.scales import Levels
from tasks.compression.roles import KINDS, kind_of

INT8 = 127  # the largest level of the file's type
LEAST = 2.0**-16  # of the largest factor of a BatchNorm: with less, an output is its shift in 8 bits
RATIOS = np.linspace(0.3, 1.0, 71)  # of the largest weight, tried for the first scale's range


def largest_level(bits: int) -> int:
    """Return L for signed integers of so many bits, both signs alike: 7 for 4 bits, which makes 15 levels.

    Args:
        bits: of a weight.
    """
    return int(2 ** (bits - 1) - 1)


def round_to_levels(weights: Array, scale: Any, largest: int) -> NDArray[np.int8]:
    """Return the nearest level of each weight.

    Args:
        weights: of any shape.
        scale: a scalar, or one for each of the last axis.
        largest: the largest level.
    """
    levels: NDArray[np.int8] = np.clip(np.rint(weights / scale), -largest, largest).astype(np.int8)
    return levels


def best_scale(
    weights: NDArray[np.float32], largest: int, per_channel: bool, ratios: NDArray[np.float64] = RATIOS
) -> NDArray[np.float32]:
    """Return the scale with the least squared error: one for each of the last axis, or a scalar for all.

    Args:
        weights: ``[…, outputs]``.
        largest: the largest level.
        per_channel: whether each output has a scale of its own.
        ratios: of the largest weight, rising to 1, that scales are looked for among.
    """
    columns = weights.reshape(-1, weights.shape[-1]) if per_channel else weights.reshape(-1, 1)
    most = np.abs(columns).max(axis=0)
    # a channel of zeros takes a scale that others have: its bias is stored in multiples of it
    full = np.where(most > 0, most, min(most[most > 0], default=1.0)).astype(np.float32) / largest
    errors = [
        ((columns - full * ratio * round_to_levels(columns, full * ratio, largest)) ** 2).sum(axis=0)
        for ratio in ratios[::-1]  # the widest of equals
    ]
    scales: NDArray[np.float32] = (full * ratios[::-1][np.argmin(errors, axis=0)]).astype(np.float32)
    return scales.reshape((-1,) if per_channel else ())


class _Learned:
    """Stands in for a TFMOT quantizer while training: rounds to levels, whose scale is a variable of the layer."""

    def __init__(self, log_scale: KerasVariable, largest: int) -> None:
        self.log_scale = log_scale
        self.largest = largest

    def __call__(self, kernel: TfTensor, *_: object, **__: object) -> TfTensor:
        tf = tensorflow()
        scale = tf.exp(self.log_scale)
        level = tf.clip_by_value(kernel / scale, -float(self.largest), float(self.largest))
        return scale * (level + tf.stop_gradient(tf.round(level) - level))


class _Fixed:
    """Stands in for a TFMOT quantizer when the trained model is converted: 8-bit numbers whose scale is given."""

    def __init__(self, scale: NDArray[np.float32]) -> None:
        self.most = INT8 * scale

    def __call__(self, kernel: TfTensor, *_: object, **__: object) -> TfTensor:
        fake = tensorflow().quantization
        quantize = (
            fake.fake_quant_with_min_max_vars_per_channel if self.most.ndim else fake.fake_quant_with_min_max_vars
        )
        return quantize(kernel, -self.most, self.most, num_bits=8, narrow_range=True)


def restrictable(wrapper: KerasLayer) -> bool:
    """Return whether the layer that TFMOT wrapped has a kernel with its outputs last; others keep 8 bits.

    Args:
        wrapper: of TFMOT.
    """
    inner = getattr(wrapper, "layer", None)
    return inner is not None and KINDS.get(kind_of(inner), {}).get("kernel", ())[-2:] == ("reads", "makes")


def restrict(aware: KerasModel, bits: int, per_channel: bool) -> tuple[str, ...]:
    """Let each kernel of a TFMOT model take levels of so many bits from now on.

    Args:
        aware: a network of TFMOT.
        bits: of a weight.
        per_channel: whether each output has a scale of its own.

    Returns:
        the names of the layers.
    """
    largest = largest_level(bits)
    names = []
    for wrapper in filter(restrictable, aware.layers):
        ((kernel, _, variables),) = wrapper._weight_vars
        first = np.log(best_scale(kernel.numpy(), largest, per_channel))
        log_scale = wrapper.add_weight(
            "log_scale", shape=first.shape, initializer=keras().initializers.Constant(first), trainable=True
        )
        wrapper._weight_vars = [(kernel, _Learned(log_scale, largest), variables)]
        names.append(str(wrapper.layer.name))
    return tuple(names)


def _normalized(wrapper: KerasLayer) -> bool:
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    return any(isinstance(getattr(layer, "layer", layer), keras().layers.BatchNormalization) for layer in followers)


def _norm_behind(wrapper: KerasLayer) -> KerasLayer | None:
    """The BatchNorm of a dense layer's outputs, if nothing else takes them and no activation is between."""
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    norm = getattr(followers[0], "layer", followers[0]) if len(followers) == 1 else None
    activation = getattr(wrapper.layer.activation, "activation", wrapper.layer.activation)  # TFMOT's, or Keras's
    linear = getattr(activation, "__name__", "NoOpActivation") in ("linear", "NoOpActivation")
    last = isinstance(norm, keras().layers.BatchNormalization) and tuple(norm.axis) == (
        len(wrapper.layer.kernel.shape) - 1,
    )
    return norm if last and linear and len(wrapper.inbound_nodes) == 1 else None


def _take_factor(norm: KerasLayer, layer: KerasLayer) -> NDArray[np.float32]:
    """Leave a BatchNorm that only shifts, and give the factor that it had for each output of the layer before it.

    A factor of which nothing comes in 8 bits is 0.
    """
    scale = norm.gamma.numpy() if norm.scale else np.ones(norm.moving_mean.shape, np.float32)
    exact = scale / np.sqrt(norm.moving_variance.numpy() + np.float32(norm.epsilon))
    factor: NDArray[np.float32] = np.where(np.abs(exact) < np.abs(exact).max() * LEAST, 0, exact).astype(np.float32)
    if norm.scale:
        norm.gamma.assign(np.ones_like(factor))
    norm.moving_mean.assign(norm.moving_mean.numpy() * factor)
    norm.moving_variance.assign(np.full_like(factor, 1.0 - norm.epsilon))
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(layer.bias.numpy() * factor)
    return factor


def _learned(aware: KerasModel) -> Iterator[tuple[KerasLayer, _Learned]]:
    """The wrappers of what was restricted, each with its quantizer."""
    for wrapper in filter(restrictable, aware.layers):
        ((_, quantizer, _),) = wrapper._weight_vars
        if isinstance(quantizer, _Learned):
            yield wrapper, quantizer


def snap(aware: KerasModel) -> None:
    """Write into the kernels that were restricted what the simulation makes of them.

    Training leaves weights that lie on a threshold of rounding to the last bit of a float. Whatever is rounded later
    then finds the levels that were trained with.

    Args:
        aware: a network of TFMOT, after :func:`restrict`.
    """
    for wrapper, learned in _learned(aware):
        ((kernel, _, _),) = wrapper._weight_vars
        kernel.assign(learned(kernel))


def settle(aware: KerasModel) -> dict[str, NDArray[np.float32]]:
    """Write the levels into the kernels that were restricted, for conversion.

    The converter takes one scale alone for a dense kernel: one with a scale for each channel is converted with the
    least of them. BatchNorm behind a dense layer would be multiplied into the kernel and this rounded once more: its
    factors become part of the scales before.

    Args:
        aware: a network of TFMOT, after :func:`restrict`.

    Returns:
        by how much the scales of the named dense layers have to be stretched in the file, for each output:
        see :func:`tasks.compression.quantization.scales.stretch_scales`.
    """
    factors = {}
    for wrapper, learned in _learned(aware):
        ((kernel, _, variables),) = wrapper._weight_vars
        scale = np.exp(learned.log_scale.numpy()).astype(np.float32)
        levels = round_to_levels(kernel.numpy(), scale, learned.largest).astype(np.float32)
        dense = kernel.shape.rank == 2
        if dense and (norm := _norm_behind(wrapper)) is not None:
            factor = _take_factor(norm, wrapper.layer)
            # an output of no more than its shift keeps a scale like the others': the least one is that of the kernel,
            # by which the converter counts biases in 32 bits
            levels, scale = levels * np.sign(factor), scale * np.where(factor == 0, 1, np.abs(factor))
        taken = scale
        if dense and scale.ndim:
            taken = scale.min()
            factors[str(wrapper.layer.name)] = scale / taken
        elif _normalized(wrapper):  # the converter folds a factor for each channel into the scale
            taken = scale * np.ones(kernel.shape[-1], np.float32)
        kernel.assign(levels * taken)
        wrapper._weight_vars = [(kernel, _Fixed(np.asarray(taken, np.float32)), variables)]
    return factors


def trained_kernels(aware: KerasModel) -> dict[str, NDArray[np.float32]]:
    """Return the kernels as a TFMOT model has them now, by the names of their layers.

    Args:
        aware: a network of TFMOT.
    """
    return {str(wrapper.layer.name): wrapper._weight_vars[0][0].numpy() for wrapper in _wrappers(aware)}


def settled_levels(aware: KerasModel) -> dict[str, Levels]:
    """Return the kernels that :func:`settle` has written, by the names of their layers.

    Args:
        aware: a network of TFMOT.
    """
    found = {}
    for wrapper in _wrappers(aware):
        kernel, quantizer, _ = wrapper._weight_vars[0]
        if isinstance(quantizer, _Fixed):
            scale = np.asarray(quantizer.most / INT8, np.float32)
            integers = round_to_levels(kernel.numpy(), scale, INT8)
            found[str(wrapper.layer.name)] = Levels(integers, None if scale.ndim else float(scale))
    return found


def _wrappers(aware: KerasModel) -> list[KerasLayer]:
    return [layer for layer in aware._flatten_layers(recursive=True) if getattr(layer, "_weight_vars", ())]
