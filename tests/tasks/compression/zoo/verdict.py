"""The verdict on a candidate: its file beside the network that it was made of, and its record beside both."""

import functools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File
from tasks.compression.recipe import Recipe
from tasks.compression.records import Candidate, Reason, Step
from tasks.compression.weights import of_layer, weights
from tasks.distortion import sqnr
from tasks.learning.conversion import to_tflite
from tasks.learning.feeding import fed
from tasks.learning.rewrites import LEAST_DB as FLOAT_DB
from tasks.learning.rewrites import float32_db
from tasks.learning.saving import copy_model
from tasks.litert import LiteRTModel
from tasks.samples import Inputs

SAME_FLOAT_DB = 100.0  # a float file computes what its network does, but for the order of its sums
LEAST_DB = {"float16": 50.0, "dynamic_int8": 10.0, "int16x8": 20.0, "int8": 8.0, "int4": 1.0, "mixed": 1.0}
BITS = {"dynamic_int8": 8, "int16x8": 8, "int8": 8, "int4": 4, "mixed": 4}  # of weights, at least
VALUE_BITS = {"int16x8": 16, "int8": 8, "mixed": 8}  # of what layers give, where that is rounded as well
SLACK_DB = 3.0
COMPRESSES = frozenset({"prune", "prune_channels", "factorize", "cluster", "quantize", "width_to_depth"})


def logits(file: bytes, inputs: Inputs | NDArray[np.uint8]) -> NDArray[np.float32]:
    """The outputs of the runtime for each sample by itself."""
    return LiteRTModel(file).predict(inputs)


def decibels(wanted: NDArray[Any], given: NDArray[Any]) -> float:
    """Energy of the logits over that of the error, 200 where they are the same."""
    return sqnr(wanted, given)


class Reference:
    """A network with what it gives on the zoo's samples, and what plain rounding leaves of that; each computed once.

    Args:
        model: the network, whose weights stay as they are.
        inputs: what it is asked.
        calibrated: what ranges are measured on, as calibration does: values of other samples may lie outside.
    """

    def __init__(self, model: Any, inputs: Inputs, calibrated: Inputs) -> None:
        self.model, self.inputs, self.calibrated = model, inputs, calibrated
        self.plainly = functools.cache(self._plainly)
        self._rounded_weights = functools.cache(self._rounded_weights_db)
        self._rounded_values = functools.cache(self._rounded_values_db)

    @functools.cached_property
    def outputs(self) -> NDArray[Any]:
        """Outputs of the network."""
        return np.asarray(self.model(fed(self.inputs), training=False))

    @functools.cached_property
    def float_db(self) -> float:
        """The decibels that float32 itself does not compute."""
        return float32_db(self.model, fed(self.inputs))

    @functools.cached_property
    def _file(self) -> bytes:
        return to_tflite(self.model)

    def _plainly(self, mode: str, by_channel: bool) -> float:
        """The decibels that plain rounding leaves of the network's outputs.

        Args:
            mode: of quantization: what is rounded to how many bits.
            by_channel: a step for each output channel of a matrix, or for all.
        """
        if mode == "float16":
            return decibels(self.outputs, np.asarray(halved(self.model)(fed(self.inputs), training=False)))
        errors = [self._rounded_weights(BITS[mode], by_channel)]
        if bits := VALUE_BITS.get(mode):
            errors.append(self._rounded_values(bits))
        return together(errors)

    def _rounded_weights_db(self, bits: int, by_channel: bool) -> float:
        return decibels(self.outputs, logits(rounded(self._file, bits, by_channel), self.inputs))

    def _rounded_values_db(self, bits: int) -> float:
        return decibels(self.outputs, rounded_values(self.model, self.inputs, self.calibrated, bits))


def rounded(float_file: bytes, bits: int, by_channel: bool) -> bytes:
    """The float file of a network, its matrices rounded to so many bits: a step for each output channel, or for all.

    Rounded is what the file holds: the converter has multiplied batch normalizations into it, which spreads the
    channels of a depthwise kernel far apart.
    """
    file, most = File(float_file), 2 ** (bits - 1) - 1
    for use in {(use.graph, use.tensor): use for use in file.uses() if len(use.shape) > 1}.values():
        constant = file.constant(use.graph, use.tensor)
        if constant.dtype == "float32" and constant.values.size > max(use.shape):
            others = tuple(axis for axis in range(len(use.shape)) if axis != use.outputs)
            step = np.abs(constant.values).max(axis=others if by_channel else None, keepdims=True) / most
            step = np.where(step > 0, step, 1.0)
            values = (np.rint(constant.values / step) * step).astype(np.float32)
            file.store(file.tensor(use.graph, use.tensor), values)
    return file.write()


def halved(model: Any) -> Any:
    """A copy of a network with its weights rounded to float16."""
    copy = copy_model(model)
    copy.set_weights([weight.astype(np.float16).astype(weight.dtype) for weight in model.get_weights()])
    return copy


def rounded_values(model: Any, inputs: Inputs, calibrated: Inputs, bits: int) -> NDArray[np.float32]:
    """The outputs of a network if all that its layers give is cut to the range of other samples, and rounded.

    Layers whose values go into a normalization or an activation alone are one operator with it and are not rounded.

    Args:
        model: the network.
        inputs: what it is asked.
        calibrated: what ranges are measured on, as calibration does: values of other samples may lie outside.
        bits: of a value.
    """
    import tensorflow as tf

    layers, ranges = copy_model(model), dict[tuple[str, int], tuple[float, float]]()
    fused = ("BatchNormalization", "Activation", "ReLU")
    calls: Counter[str] = Counter()

    def rounding(name: str, call: Any) -> Any:
        def give(*given: Any, **options: Any) -> Any:
            values = call(*given, **options)
            if not tf.is_tensor(values) or not values.dtype.is_floating:
                return values
            key = name, calls[name]  # a layer that is called twice has two ranges
            calls[name] += 1
            if key not in ranges:
                ranges[key] = min(0.0, float(tf.reduce_min(values))), max(1e-6, float(tf.reduce_max(values)))
            return tf.quantization.fake_quant_with_min_max_args(values, *ranges[key], num_bits=bits)

        return give

    for layer in layers.layers:
        after = [node.outbound_layer for node in layer.outbound_nodes]
        if layer.inbound_nodes and not (len(after) == 1 and type(after[0]).__name__ in fused):
            layer.call = rounding(layer.name, layer.call)
    layers(fed(calibrated), training=False)
    calls.clear()
    return np.asarray(layers(fed(inputs), training=False))


def together(errors: Sequence[float]) -> float:
    """The decibels of several errors that know nothing of each other."""
    return -10 * math.log10(sum(10 ** (-each / 10) for each in errors))


def weights_of(model: Any) -> dict[int, NDArray[Any]]:
    """Matrices and larger weights of a network, each once, by the identity of their variable."""
    return {id(weight): weight.numpy() for weight in model.weights if len(weight.shape) > 1}


def faults(recipe: Recipe, candidate: Candidate, file: bytes, reference: Reference) -> Iterator[str]:
    """The faults that there are, if any.

    Args:
        recipe: as it was carried out.
        candidate: its record.
        file: the ``.tflite`` file.
        reference: the last Keras model of the recipe.
    """
    last = recipe[-1] if recipe[-1].technique != "pack" else recipe[-2]
    trained_inside = getattr(last, "trains", False)
    given, wanted = logits(file, reference.inputs), reference.outputs
    if not np.isfinite(given).all() and np.isfinite(wanted).all():
        yield "the file gives values that are not finite"
    elif not trained_inside:
        mode = getattr(last, "mode", "")
        least, found = LEAST_DB.get(mode, SAME_FLOAT_DB), decibels(wanted, given)
        if found < least and mode:  # many layers on random weights: what plain rounding leaves, is enough
            by_channel = getattr(last, "granularity", "") != "per_tensor"
            least = min(least, reference.plainly(mode, by_channel) - SLACK_DB)
        elif found < least:  # what float32 itself does not compute
            least = max(FLOAT_DB, min(least, reference.float_db))
        if found < least:
            yield f"the file is {found:.1f} dB from its network, less than {least:.0f}"
    yield from _false_records(recipe, candidate)
    yield from _stored(last, candidate.steps[-1], file, reference.model)


def _false_records(recipe: Recipe, candidate: Candidate) -> Iterator[str]:
    for promise in candidate.steps[-1].promises:
        if not promise.holds:
            yield f"{promise.layer}: {promise.promise} {promise.promised} promised, {promise.measured} measured"
    for technique, step in zip(recipe, candidate.steps, strict=True):
        if technique.technique in COMPRESSES and not step.changed:
            yield f"{technique.technique} changed nothing and ended well"


def _stored(last: Any, step: Step, file: bytes, reference: Any) -> Iterator[str]:
    """Weights that are said to be stored in few bits are so stored: few stay in float32 that no reason names."""
    if getattr(last, "mode", "float16") == "float16" or not weights_of(reference):
        return
    excuses = frozenset(Reason) - ({Reason.CONVERTER} if last.mode == "int4" else set())  # int4 is not the converter's
    sizes = {path: weight.values().size for path, weight in weights(reference).items()}
    left = [skip.layer for skip in step.skipped if skip.reason in excuses]
    named = sum(sizes[path] for path in {path for layer in left for path in of_layer(sizes, layer)})
    whole = sum(weight.size for weight in weights_of(reference).values())
    stays = floats(file)
    if stays > named + whole / 20:
        yield f"{stays:,} of {whole:,} weights are float32 in the file, and only {named:,} are said to be left so"


def floats(file: bytes) -> int:
    """The count of numbers that a file stores in float32, in constant tensors of two and more dimensions."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(file, 0)
    return sum(
        len(model.buffers[tensor.buffer].data) // 4
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type == schema.TensorType.FLOAT32
        and model.buffers[tensor.buffer].data is not None
        and len(tensor.shape) > 1
        and math.prod(tensor.shape) > max(tensor.shape)
    )
