"""Weights of a few symmetric levels, −L … L times a step, in files whose kernels are the usual 8-bit ones.

The step of each output channel is learned beside the weights, as in LSQ (Esser et al. 2020, arXiv:1902.08153): the
gradient of ``step · round(clip(w / step))`` passes the rounding straight through. Its logarithm is what is trained, so
that one learning rate suits every layer.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.quantization.steps import Levels
from tasks.compression.technique import Model
from tasks.training.backend import keras, tensorflow

INT8 = 127  # the largest level of the file's type
RATIOS = np.linspace(0.3, 1.0, 71)  # of the largest weight, tried for the first step's range


def largest_level(bits: int) -> int:
    """L for signed integers of ``bits`` bits, both signs alike: 7 for 4 bits, which makes 15 levels."""
    return int(2 ** (bits - 1) - 1)


def round_to_levels(weights: NDArray[Any], step: Any, largest: int) -> NDArray[np.int8]:
    """The nearest level of each weight; ``step`` is a scalar or one for each of the last axis."""
    levels: NDArray[np.int8] = np.clip(np.rint(weights / step), -largest, largest).astype(np.int8)
    return levels


def best_step(weights: NDArray[np.float32], largest: int, per_channel: bool) -> NDArray[np.float32]:
    """The step with the least squared error: one for each of the last axis, or a scalar for all."""
    columns = weights.reshape(-1, weights.shape[-1]) if per_channel else weights.reshape(-1, 1)
    most = np.abs(columns).max(axis=0)
    # a channel of zeros takes a step that others have: its bias is stored in multiples of it
    full = np.where(most > 0, most, min(most[most > 0], default=1.0)).astype(np.float32) / largest
    errors = [
        ((columns - full * ratio * round_to_levels(columns, full * ratio, largest)) ** 2).sum(axis=0)
        for ratio in RATIOS[::-1]  # the widest of equals
    ]
    steps: NDArray[np.float32] = (full * RATIOS[::-1][np.argmin(errors, axis=0)]).astype(np.float32)
    return steps.reshape((-1,) if per_channel else ())


class _Learned:
    """Stands in for a TFMOT quantizer while training: rounds to levels, whose step is a variable of the layer."""

    def __init__(self, log_step: Any, largest: int) -> None:
        self.log_step = log_step
        self.largest = largest

    def __call__(self, kernel: Any, *_: Any, **__: Any) -> Any:
        tf = tensorflow()
        step = tf.exp(self.log_step)
        level = tf.clip_by_value(kernel / step, -float(self.largest), float(self.largest))
        return step * (level + tf.stop_gradient(tf.round(level) - level))


class _Fixed:
    """Stands in for a TFMOT quantizer when the trained model is converted: 8-bit numbers whose step is given."""

    def __init__(self, step: NDArray[np.float32]) -> None:
        self.most = INT8 * step

    def __call__(self, kernel: Any, *_: Any, **__: Any) -> Any:
        fake = tensorflow().quantization
        quantize = (
            fake.fake_quant_with_min_max_vars_per_channel if self.most.ndim else fake.fake_quant_with_min_max_vars
        )
        return quantize(kernel, -self.most, self.most, num_bits=8, narrow_range=True)


def restrictable(wrapper: Any) -> bool:
    """Has the layer that TFMOT wrapped a kernel whose last axis is its outputs? Others keep 8 bits."""
    layers = keras().layers
    inner = getattr(wrapper, "layer", None)
    others = (layers.DepthwiseConv2D, layers.Conv2DTranspose)
    return isinstance(inner, layers.Conv2D | layers.Dense) and not isinstance(inner, others)


def restrict(aware: Model, bits: int, per_channel: bool) -> tuple[str, ...]:
    """Let each kernel of a TFMOT model take levels of ``bits`` bits from now on; gives the layers' names."""
    largest = largest_level(bits)
    names = []
    for wrapper in filter(restrictable, aware.layers):
        ((kernel, _, variables),) = wrapper._weight_vars
        first = np.log(best_step(kernel.numpy(), largest, per_channel))
        log_step = wrapper.add_weight(
            "log_step", shape=first.shape, initializer=keras().initializers.Constant(first), trainable=True
        )
        wrapper._weight_vars = [(kernel, _Learned(log_step, largest), variables)]
        names.append(str(wrapper.layer.name))
    return tuple(names)


def _normalized(wrapper: Any) -> bool:
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    return any(isinstance(getattr(layer, "layer", layer), keras().layers.BatchNormalization) for layer in followers)


def _norm_behind(wrapper: Any) -> Any | None:
    """The BatchNorm of a dense layer's outputs, if nothing else takes them and no activation is between."""
    followers = [node.outbound_layer for node in wrapper.outbound_nodes]
    norm = getattr(followers[0], "layer", followers[0]) if len(followers) == 1 else None
    activation = getattr(wrapper.layer.activation, "activation", wrapper.layer.activation)  # TFMOT's, or Keras's
    linear = getattr(activation, "__name__", "NoOpActivation") in ("linear", "NoOpActivation")
    last = isinstance(norm, keras().layers.BatchNormalization) and tuple(norm.axis) == (wrapper.layer.kernel.ndim - 1,)
    return norm if last and linear and len(wrapper.inbound_nodes) == 1 else None


def _take_factor(norm: Any, layer: Any) -> NDArray[np.float32]:
    """Leave a BatchNorm that only shifts, and give the factor that it had for each output of the layer before it.

    A factor of 0, as of an output whose scale is 0, is made so small that nothing comes of it.
    """
    scale = norm.gamma.numpy() if norm.scale else np.ones(norm.moving_mean.shape, np.float32)
    factor = scale / np.sqrt(norm.moving_variance.numpy() + np.float32(norm.epsilon))
    factor = np.where(factor == 0, np.finfo(np.float32).eps, factor).astype(np.float32)
    if norm.scale:
        norm.gamma.assign(np.ones_like(factor))
    norm.moving_mean.assign(norm.moving_mean.numpy() * factor)
    norm.moving_variance.assign(np.full_like(factor, 1.0 - norm.epsilon))
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(layer.bias.numpy() * factor)
    return factor


def _learned(aware: Model) -> Iterator[tuple[Any, _Learned]]:
    """The wrappers of what was restricted, each with its quantizer."""
    for wrapper in filter(restrictable, aware.layers):
        ((_, quantizer, _),) = wrapper._weight_vars
        if isinstance(quantizer, _Learned):
            yield wrapper, quantizer


def snap(aware: Model) -> None:
    """Write into the kernels that were restricted what the simulation makes of them.

    Training leaves weights that lie on a threshold of rounding to the last bit of a float. Whatever is rounded later
    then finds the levels that were trained with.
    """
    for wrapper, learned in _learned(aware):
        ((kernel, _, _),) = wrapper._weight_vars
        kernel.assign(learned(kernel))


def settle(aware: Model) -> dict[str, NDArray[np.float32]]:
    """Write the levels into the kernels that were restricted, for conversion.

    The converter takes one step alone for a dense kernel: one with a step for each channel is converted with the
    least of them. BatchNorm behind a dense layer would be multiplied into the kernel and this rounded once more: its
    factors become part of the steps before.

    Returns:
        by how much the steps of the named dense layers have to be stretched in the file, for each output:
        see :func:`tasks.compression.quantization.steps.stretch_steps`.
    """
    factors = {}
    for wrapper, learned in _learned(aware):
        ((kernel, _, variables),) = wrapper._weight_vars
        step = np.exp(learned.log_step.numpy()).astype(np.float32)
        levels = round_to_levels(kernel.numpy(), step, learned.largest).astype(np.float32)
        dense = kernel.shape.rank == 2
        if dense and (norm := _norm_behind(wrapper)) is not None:
            factor = _take_factor(norm, wrapper.layer)
            levels, step = levels * np.sign(factor), step * np.abs(factor)
        taken = step
        if dense and step.ndim:
            taken = step.min()
            factors[str(wrapper.layer.name)] = step / taken
        elif _normalized(wrapper):  # the converter folds a factor for each channel into the step
            taken = step * np.ones(kernel.shape[-1], np.float32)
        kernel.assign(levels * taken)
        wrapper._weight_vars = [(kernel, _Fixed(np.asarray(taken, np.float32)), variables)]
    return factors


def trained_kernels(aware: Model) -> dict[str, NDArray[np.float32]]:
    """The kernels as a TFMOT model has them now, by the names of their layers."""
    return {str(wrapper.layer.name): wrapper._weight_vars[0][0].numpy() for wrapper in _wrappers(aware)}


def settled_levels(aware: Model) -> dict[str, Levels]:
    """The kernels that :func:`settle` has written, by the names of their layers."""
    found = {}
    for wrapper in _wrappers(aware):
        kernel, quantizer, _ = wrapper._weight_vars[0]
        if isinstance(quantizer, _Fixed):
            step = np.asarray(quantizer.most / INT8, np.float32)
            integers = round_to_levels(kernel.numpy(), step, INT8)
            found[str(wrapper.layer.name)] = Levels(integers, None if step.ndim else float(step))
    return found


def _wrappers(aware: Model) -> list[Any]:
    return [layer for layer in aware._flatten_layers(recursive=True) if getattr(layer, "_weight_vars", ())]
