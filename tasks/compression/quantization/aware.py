"""Quantization-aware training through TFMOT: the maths and the plumbing behind ``training: qat``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, KerasModel, KerasVariable, TfTensor, keras, tensorflow
from tasks.compression.quantization.calibration import SampleStream
from tasks.compression.quantization.head import split_head
from tasks.compression.quantization.levels import restrict, settle, snap
from tasks.compression.quantization.normalization import fresh_statistics, measure_statistics
from tasks.compression.quantization.preserve import Preserved
from tasks.compression.quantization.simulation import simulated
from tasks.compression.weights import name_of, weight_of
from tasks.errors import Unsuited
from tasks.learning.comparison import answers
from tasks.learning.conversion import only_trains
from tasks.learning.feeding import IDS, extremes, fed, specs_of
from tasks.samples import Inputs, Specs, TensorSpec, concatenate

BATCH = 50
RANGES = ("/output_min", "/post_activation_min")  # of a layer's activations; each has a "…_max" beside it

WATCHED = 2000  # samples that BatchNorm's statistics are measured on after each epoch; after the last it is all

Train = Callable[[KerasModel, Sequence[object]], object]


@dataclass(frozen=True)
class Aware:
    """A model that was trained with its rounding simulated.

    ``model``: from the raw input to logits, its layers carry the trained ranges; ``schemes``: by layer, what
    was kept while training; ``restricted``: layers of few levels; ``factors``: by dense layer, see
    :func:`tasks.compression.quantization.levels.settle`; ``answers``: logits on the recorded images, where there were
    any, before the network was made ready for conversion.
    """

    model: KerasModel
    schemes: dict[str, str]
    restricted: tuple[str, ...]
    factors: dict[str, NDArray[np.float32]]
    answers: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class WeightLevels:
    """Weights of few levels: how many bits they have, and whether each output channel has a scale of its own."""

    bits: int
    per_channel: bool = True


def train_aware(
    model: KerasModel,
    train: Train,
    samples: SampleStream,
    measured: Inputs | Array,
    levels: WeightLevels | None = None,
    recorded: Inputs | Array | None = None,
    spec: TensorSpec | None = None,
) -> Aware:
    """Train ``model`` with its 8-bit rounding simulated, and that of weights of few levels where asked for.

    Zeros and clusters that the weights have are kept. What prepares the pixels stays outside, since TFMOT refuses it,
    and is joined again afterwards, a scale by folding it in where that can be done.

    Args:
        model: of one input, which is no ids, to logits.
        train: trains the model that it is given in place, with the Keras callbacks that it is given.
        samples: what the first ranges are measured on, one at a time.
        measured: samples of the training split that the statistics of BatchNorm are measured on; some thousands do.
        levels: restricts the weights of convolutions and dense layers.
        recorded: samples to ask the trained network about.
        spec: the input; None: as far as the network alone tells.

    Returns:
        the trained network, and what was asked of it.

    Raises:
        Unsuited: the model has a layer whose rounding TFMOT does not simulate.
    """
    head, body = split_head(model)
    aware = simulated(body)
    spec = spec or specs_of(model)[0]
    prepared = _prepare(head, concatenate(list(samples())))
    measure_ranges(aware, body, prepared)
    restricted = restrict(aware, levels.bits, levels.per_channel) if levels else ()
    schemes = preserve(aware)
    whole = join(head, aware)
    ends = _prepare(head, extremes((spec,)))
    _set_input_range(aware, float(ends.min()), float(ends.max()))
    inputs = _prepare(head, measured)
    train(whole, [fresh_statistics(aware, inputs[:WATCHED])])
    release(aware)
    snap(aware)
    measure_statistics(aware, inputs)
    _set_input_range(aware, float(ends.min()), float(ends.max()))  # it moved; what an input can be did not
    logits = None if recorded is None else answers(whole, recorded)
    scale = _scale(head)
    foldable = scale is not None and _foldable(aware)
    if scale is not None and foldable:
        fold(aware, scale, spec)
    return Aware(aware if foldable else whole, schemes, restricted, settle(aware), logits)


def preserve(aware: KerasModel) -> dict[str, str]:
    """Keep zeros and clusters of each kernel from now on.

    Args:
        aware: a network of TFMOT.

    Returns:
        what is kept, in a word, by the name of the layer.
    """
    schemes = {}
    for wrapper in filter(_weighted, aware.layers):
        preserved = [
            (kernel, Preserved(weight_of(wrapper.layer, name_of(kernel), kernel), quantizer), more)
            for kernel, quantizer, more in wrapper._weight_vars
        ]
        wrapper._weight_vars = preserved  # a new list: Keras saves no model in which one was changed
        schemes.update({str(wrapper.layer.name): found.structure.scheme for _, found, _ in preserved})
    return schemes


def release(aware: KerasModel) -> None:
    """Write what was kept into the kernels and keep it no longer.

    Args:
        aware: a network of TFMOT, after :func:`preserve`.
    """
    for wrapper in filter(_weighted, aware.layers):
        for kernel, preserved, _ in wrapper._weight_vars:
            kernel.assign(preserved.project(kernel))
        wrapper._weight_vars = [(kernel, preserved.quantizer, more) for kernel, preserved, more in wrapper._weight_vars]


def _weighted(layer: KerasLayer) -> bool:
    return bool(getattr(layer, "_weight_vars", ()))


def join(head: KerasModel | None, aware: KerasModel) -> KerasModel:
    """Return the model from raw pixels to logits.

    Args:
        head: what prepares pixels; None where nothing does.
        aware: takes what the head gives.
    """
    pixels = keras().Input(shape=(head or aware).input_shape[1:], name="pixels")
    return keras().Model(pixels, aware(pixels if head is None else head(pixels)), name="aware")


def check_simulated_input(specs: Specs) -> None:
    """Refuse inputs whose rounding is not simulated.

    Args:
        specs: of the network.

    Raises:
        Unsuited: there are several, or one of ids.
    """
    if len(specs) > 1 or specs[0].dtype in IDS:
        raise Unsuited(
            f"Expected a network of one input of uint8 or float32 for quantization-aware training. "
            f"Received: {', '.join(f'{spec.name} {spec.dtype}' for spec in specs)}. "
            f"Quantize with training: none (calibrated int8)."
        )


def _prepare(head: KerasModel | None, samples: Inputs | Array) -> NDArray[np.float32]:
    """Return what the network gets of raw samples."""
    batches = [fed(samples[start : start + BATCH]) for start in range(0, len(samples), BATCH)]
    return np.concatenate(batches if head is None else [head(batch).numpy() for batch in batches])


def _scale(head: KerasModel | None) -> float | None:
    """The factor that the head is outside training, 1 without one; None where it is more."""
    if head is None:
        return 1.0
    layers = [layer for layer in head.layers[1:] if not only_trains(layer)]
    only = layers[0] if len(layers) == 1 and isinstance(layers[0], keras().layers.Rescaling) else None
    return float(only.scale) if only is not None and np.ndim(only.scale) == 0 and not np.any(only.offset) else None


def measure_ranges(aware: KerasModel, body: KerasModel, inputs: Array) -> None:
    """Let the range of each activation begin where it is.

    TFMOT lets it begin at ±6 and move by a thousandth a step, which a short training does not get over.

    Args:
        aware: a network of TFMOT.
        body: the float network that it was made of.
        inputs: as the body takes them.
    """
    known = {layer.name for layer in body.layers}
    ranged = [
        (layer.layer.name, variable, _variable(layer, ending.replace("_min", "_max")))
        for layer in aware.layers
        for variable in layer.weights
        for ending in RANGES
        if variable.name.split(":")[0].endswith(ending) and layer.layer.name in known
    ]
    if not ranged:
        return
    # a layer that is called several times has one range for all that it gives
    given = [_given(body.get_layer(name)) for name, _, _ in ranged]
    probe = keras().Model(body.input, given)
    # zero is always in the range, or it could not be stored exactly
    lows, highs = np.zeros(len(ranged)), np.zeros(len(ranged))
    for start in range(0, len(inputs), BATCH):
        outputs = probe(inputs[start : start + BATCH], training=False)
        lows = np.minimum(lows, [min(np.min(each) for each in calls) for calls in outputs])
        highs = np.maximum(highs, [max(np.max(each) for each in calls) for calls in outputs])
    for (_, least, most), low, high in zip(ranged, lows, highs, strict=True):
        if low < high:
            least.assign(low)
            most.assign(high)


def _given(layer: KerasLayer) -> list[TfTensor]:
    """Return what a layer gives, each time that it is called."""
    return [layer.get_output_at(index) for index in range(len(layer.inbound_nodes))]


def _set_input_range(aware: KerasModel, low: float, high: float) -> None:
    entry = _entry(aware)
    _variable(entry, "_min").assign(low)
    _variable(entry, "_max").assign(high)


def _foldable(aware: KerasModel) -> bool:
    """Return whether all of the input goes to one convolution or dense layer alone, which takes nothing else."""
    followers = [node.outbound_layer for node in _entry(aware).outbound_nodes]
    alone = len(followers) == 1 and len(followers[0].inbound_nodes) == 1
    return alone and any(_is(variable, "/kernel") for variable in followers[0].weights)


def fold(aware: KerasModel, scale: float, spec: TensorSpec) -> None:
    """Move a scale from the input into the first layer's kernel and its range; the outputs stay the same.

    Args:
        aware: a network of TFMOT.
        scale: the factor.
        spec: the input without the scale.
    """
    first = _entry(aware).outbound_nodes[0].outbound_layer
    for name in ("/kernel", "/kernel_min", "/kernel_max"):
        _variable(first, name).assign(_variable(first, name) * scale)
    for variable in first.weights:
        if _is(variable, "log_scale"):
            variable.assign_add(tensorflow().fill(variable.shape, float(np.log(scale))))
    _set_input_range(aware, spec.low, spec.high)


def _entry(aware: KerasModel) -> KerasLayer:
    return next(layer for layer in aware.layers if layer.__class__.__name__ == "QuantizeLayer")


def _variable(layer: KerasLayer, ending: str) -> KerasVariable:
    return next(variable for variable in layer.weights if _is(variable, ending))


def _is(variable: KerasVariable, ending: str) -> bool:
    return bool(variable.name.split(":")[0].endswith(ending))
