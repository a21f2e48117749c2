"""Other scales for the kernels of a finished int8 ``.tflite`` file than those that the converter gives them."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File, Part, Places, Use, by_output, content, store
from tasks.compression.location import align
from tasks.errors import CompressionError
from tasks.litert_types import Model, Operator, SubGraph, Tensor

__all__ = ["BIAS_LIMIT", "content", "entry_and_bias", "share_scales", "store", "stretch_scales", "weighted"]

BIAS_LIMIT = 2**31 - 1
LARGEST = 127


@dataclass(frozen=True)
class Levels:
    """A kernel of a Keras layer: integers, and the scale of all of them; None where channels have their own."""

    integers: NDArray[np.int8]
    scale: float | None


def stretch_scales(
    flatbuffer: bytes,
    factors: Mapping[str, NDArray[np.float32]],
    places: Places,
    converted: Mapping[str, Levels] | None = None,
) -> bytes:
    """Multiply the scales of the named layers' int8 kernels, and bring their int32 biases to the new scales.

    The weights' integers stay; what the layer computes becomes ``factor`` times as large, but for the bias.

    Args:
        flatbuffer: an int8 file.
        factors: for each layer one for each output.
        places: where the file holds the layers' kernels.
        converted: kernels as they were converted; the converter rounds some anew, those of layers that are called
            twice say, which is taken back.

    Returns:
        the file with other scales.

    Raises:
        CompressionError: a layer is not in the file as an 8-bit dense layer with a scale for each output.
    """
    file, known = File(flatbuffer), converted or {}
    for name, factor in factors.items():
        if not places.get(name):
            raise CompressionError(
                f"Expected the converted file to have the kernel of layer {name}. Received: one without an operator "
                f"that reads it as it is. Leave weight_bits out, or replace the layer."
            )
        for part in places[name]:
            scales = _stretched(file.tensor(part.graph, part.tensor), factor, name)
            if name in known and (found := _trained(file, part, known[name], beyond=False)) is not None:
                scales = np.asarray(found * factor, np.float32)
            _set_kernel_scales(file, part.graph, part.tensor, scales)
    others = [(part, known[name]) for name in known if name not in factors for part in places.get(name, ())]
    restored = [(part, _trained(file, part, levels, beyond=True)) for part, levels in others]
    for part, found in restored:
        if found is not None:
            _set_kernel_scales(file, part.graph, part.tensor, found)
    changed = factors or any(found is not None for _, found in restored)
    return file.write() if changed else flatbuffer


def finite_scales(flatbuffer: bytes) -> bytes:
    """Give constants of nothing but zeros a scale of 1 where the converter gives no number (dead layers).

    Args:
        flatbuffer: of the file.

    Returns:
        the same bytes where nothing had to be changed.
    """
    file, changed = File(flatbuffer), False
    for graph in file.model.subgraphs:
        for tensor in graph.tensors:
            scale = None if tensor.quantization is None else tensor.quantization.scale
            if scale is None or np.isfinite(scale).all() or any(file.content(tensor)):
                continue
            if file.content(tensor):
                tensor.quantization.scale = np.where(np.isfinite(scale), scale, 1).astype(np.float32)
                changed = True
    return file.write() if changed else flatbuffer


def _trained(file: File, part: Part, levels: Levels, beyond: bool) -> NDArray[np.float32] | None:
    """Store a kernel's own integers where the file has others, and give their there_scales; None where it has them.

    BatchNorm behind a convolution may have been folded into the file's there_scales, and the sign of a factor into its
    integers. What the converter has rounded anew has ±127 for the largest integer of each channel.

    Args:
        file: in which they are stored.
        part: where.
        levels: the integers.
        beyond: others are only those that are larger than any of ``levels``.
    """
    weights, there = file.tensor(part.graph, part.tensor), file.constant(part.graph, part.tensor, part.outputs).values
    integers = part.arranged(levels.integers, weights.shape)
    same = (
        np.abs(there).max(initial=0) <= np.abs(integers).max(initial=0) if beyond else np.array_equal(integers, there)
    )
    if same or weights.quantization.scale is None:
        return None
    there_scales = np.asarray(weights.quantization.scale, np.float32)
    if levels.scale is not None:
        scales = np.full_like(there_scales, levels.scale)
    else:
        trained, rounded = (by_output(values, part.outputs).astype(np.int64) for values in (integers, there))
        largest = np.maximum(np.abs(trained).max(axis=1), 1)
        scales = np.asarray(there_scales * (np.abs(rounded).max(axis=1) / largest), np.float32)
        signs = np.sign(np.sum(trained * rounded, axis=1)).astype(np.int8)
        integers = np.moveaxis(np.moveaxis(integers, part.outputs, -1) * signs, -1, part.outputs)
    file.store(weights, np.ascontiguousarray(integers))
    return scales


def share_scales(flatbuffer: bytes, original: bytes) -> bytes:
    """Round each int8 kernel anew with one scale for the whole layer (per-tensor), where it has one for each channel.

    The converter can be told so for convolutions, by a private setting, and not for dense layers.

    Args:
        flatbuffer: an int8 file.
        original: the float32 file of which it was made, with the same operators.

    Returns:
        the file, in which the largest weight of each layer is ±127.
    """
    from ai_edge_litert import schema_py_generated as schema

    file, source = File(flatbuffer), File(original)
    uses, kinds = source.uses(), schema.TensorType
    kernels = {
        number: source.constant(use.graph, use.tensor).real()
        for number, use in enumerate(uses)
        if source.tensor(use.graph, use.tensor).type == kinds.FLOAT32
    }
    done = set()
    for use, kernel in sorted(_aligned(uses, file, kernels), key=lambda each: (each[0].graph, each[0].operator)):
        weights = file.tensor(use.graph, use.tensor)
        several = weights.type == kinds.INT8 and np.size(weights.quantization.scale) > 1
        if (use.graph, use.tensor) in done or not several or kernel.shape != use.shape:
            continue
        largest = float(np.abs(kernel).max()) / LARGEST
        scale = np.array([largest or max(weights.quantization.scale)], np.float32)  # of nothing but zeros: any
        file.store(weights, np.clip(np.rint(kernel / scale), -LARGEST, LARGEST).astype(np.int8))
        _set_kernel_scales(file, use.graph, use.tensor, scale)
        done.add((use.graph, use.tensor))
    return file.write()


def _aligned(
    uses: tuple[Use, ...], file: File, kernels: Mapping[int, NDArray[np.float32]]
) -> list[tuple[Use, NDArray[np.float32]]]:
    return [(use, kernels[number]) for number, use in align(uses, file, kernels).items() if use.slot == 1]


def weighted(model: Model) -> Iterator[tuple[Operator, Tensor]]:
    """Yield the operations of a file that have a second input, and that input: weights, if it is stored.

    Those of its first graph, which calls the others.

    Args:
        model: the file as the schema's object.
    """
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if len(operator.inputs) > 1 and operator.inputs[1] >= 0:
            yield operator, graph.tensors[operator.inputs[1]]


def entry_and_bias(model: Model, operator: Operator, number: int = 0) -> tuple[Tensor, Tensor | None]:
    """Return what an operation with weights computes from, and its bias if it has one.

    Args:
        model: the file as the schema's object.
        operator: of one of its graphs.
        number: of this graph.
    """
    graph = model.subgraphs[number]
    entry, bias = _inputs(model, operator)
    has_bias = len(operator.inputs) > bias and operator.inputs[bias] >= 0
    return graph.tensors[operator.inputs[entry]], graph.tensors[operator.inputs[bias]] if has_bias else None


def _inputs(model: Model, operator: Operator) -> tuple[int, int]:
    """Return which of its inputs an operation computes from, and which is its bias."""
    from tensorflow.lite.python import schema_py_generated as schema

    transposed = model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.TRANSPOSE_CONV
    return (2, 3) if transposed else (0, 2)  # the first input of a transposed convolution is its output's shape


def _stretched(weights: Tensor, factor: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    old = np.asarray(weights.quantization.scale, np.float32)
    if len(weights.shape) != 2 or factor.shape != (weights.shape[0],) or old.size not in (1, factor.size):
        raise CompressionError(
            f"Expected layer {name} in the converted file as a dense kernel of {factor.size} outputs. "
            f"Received: shape {list(weights.shape)} with {old.size} scales. Take granularity: per_tensor."
        )
    return np.asarray(old * factor, np.float32)


def _set_kernel_scales(file: File, number: int, tensor: int, scales: NDArray[np.float32]) -> None:
    """Give a kernel other scales, and the bias of each operation that reads it the products with its input's scale."""
    graph = file.model.subgraphs[number]
    weights = graph.tensors[tensor]
    _set_scales(weights, scales)
    reading = [each for each in graph.operators if len(each.inputs) > 1 and each.inputs[1] == tensor]
    done: set[int] = set()
    for operator in reading:
        entry, bias = entry_and_bias(file.model, operator, number)
        if bias is None:
            continue
        place = _inputs(file.model, operator)[1]
        index = int(operator.inputs[place])
        if index in done:
            continue  # of all operations that share kernel and bias
        if any(index in other.inputs for other in graph.operators if all(other is not each for each in reading)):
            index = _own_bias(graph, reading, index)
            bias = graph.tensors[index]
        done.add(index)
        _scale_bias(file, entry, bias, scales)


def _own_bias(graph: SubGraph, reading: list[Operator], index: int) -> int:
    """A copy of a bias that other operations use too, for these."""
    bias = copy.deepcopy(graph.tensors[index])
    graph.tensors.append(bias)
    for operator in reading:
        operator.inputs = np.where(np.asarray(operator.inputs) == index, len(graph.tensors) - 1, operator.inputs)
        operator.inputs = operator.inputs.astype(np.int32)
    return len(graph.tensors) - 1


def _scale_bias(file: File, entry: Tensor, bias: Tensor, scales: NDArray[np.float32]) -> None:
    """Bring a bias to the product of its input's scale and its weights' ``scales``."""
    real = np.frombuffer(file.content(bias), np.int32) * np.asarray(bias.quantization.scale, np.float64)
    products = np.float32(entry.quantization.scale[0]) * scales
    _set_scales(bias, products)
    file.store(bias, np.clip(np.rint(real / products), -BIAS_LIMIT, BIAS_LIMIT).astype(np.int32))


def _set_scales(tensor: Tensor, scales: NDArray[np.float32]) -> None:
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = 0
    tensor.quantization.min = tensor.quantization.max = None  # of the old scales
