"""Fewer bits for the weights of a float file, each layer in its own, by ai-edge-quantizer."""

import contextlib
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File, Part, in_half_bytes
from tasks.compression.quantization.float_file import EXACT, FloatFile, Kind, Operation
from tasks.compression.quantization.tables import TableBits, store_halves, store_tables, store_whole
from tasks.litert_types import Tensor

Bits = Literal[2, 4, 8, 16, 32]
WeightRange = Literal["minmax", "mse", "octav"]
WIDTHS: dict[Kind, tuple[Bits, ...]] = {
    "dense": (16, 8, 4),
    "convolution": (16, 8, 4),
    "other": (16, 8),
    "fixed": (32,),
}


def widths_of(file: FloatFile, path: str) -> tuple[Bits, ...]:
    """Return the widths that a weight may have, falling.

    It may have 4 bits only where dense layers and convolutions, or lookups, read it.

    ai-edge-quantizer leaves others as float32 where it is asked for 4 bits of them, and says nothing.

    Args:
        file: the float model.
        path: of the weight.
    """
    kind = file.kind(path)
    return (16, *file.exact_bits(path)) if kind in EXACT else WIDTHS[kind]


def is_blocked(file: FloatFile, path: str, block: int | None) -> bool:
    """Return whether a 4-bit weight has a scale for each block, as in dense layers whose inputs ``block`` divides.

    Args:
        file: the float model.
        path: of the weight.
        block: inputs that share a scale; None: all.
    """
    even = all(not values.shape[-1] % block for values in file.weights[path]) if block else False
    return even and file.kind(path) == "dense"


def quantize_weights(
    file: FloatFile,
    bits: Mapping[str, Bits],
    block: int | None = None,
    ranges: Mapping[str, WeightRange] | None = None,
) -> bytes:
    """Store the weights of these paths as int4, int8 (activations rounded on use) or float16.

    Args:
        file: what is quantized.
        bits: by path; the others stay float32.
        block: inputs of a dense layer that share a scale in 4 bits, instead of all inputs of an output; layers whose
            inputs it does not divide have a scale for each output.
        ranges: by path what the levels of 4 bits are spread over, ``minmax`` unless it is named.

    Returns:
        a file that takes the same samples and gives float32 logits.
    """
    if set(bits.values()) <= {32}:
        return file.flatbuffer
    exact = {path: width for path, width in bits.items() if file.kind(path) in EXACT}
    found = _quantize_operators(file, {path: bits[path] for path in bits if path not in exact}, block, ranges)
    return _store_exactly(file, found, exact, ranges or {}) if exact else found


def _store_exactly(
    file: FloatFile, flatbuffer: bytes, bits: Mapping[str, Bits], ranges: Mapping[str, WeightRange]
) -> bytes:
    """Store weights that are read as floats in a file that was made of a float one."""
    made = File(flatbuffer)
    moved = file.moved(made)
    for path, width in bits.items():
        there = [moved[part.graph, part.tensor] for part in file.parts[path]]
        if width == 16:
            store_halves(made, [place for places in there for place in dict.fromkeys(places)])
        elif width < 16:
            every = file.as_levels(path, cast("TableBits", width), ranges.get(path) != "minmax")
            levels = {place: each for places, each in zip(there, every, strict=True) for place in places}
            (store_tables if file.kind(path) == "table" else store_whole)(made, levels)
    return made.write()


def _quantize_operators(
    file: FloatFile, bits: Mapping[str, Bits], block: int | None, ranges: Mapping[str, WeightRange] | None
) -> bytes:
    """Store weights that operators multiply by."""
    from ai_edge_quantizer import quantizer

    if set(bits.values()) <= {32}:
        return file.flatbuffer
    over = {path: (ranges or {}).get(path, "minmax") for path in bits}
    blocks = {path: block if width == 4 and is_blocked(file, path, block) else None for path, width in bits.items()}
    scoped = File(file.flatbuffer)
    names = _name_scopes(scoped, (operation for path in bits for operation in file.operations[path]))
    dead = {
        _scope(operation): mask
        for path in bits
        if bits[path] == 4
        for part, values in zip(file.parts[path], file.weights[path], strict=True)
        for mask in [_fill(scoped, part, values, blocks[path])]
        for operation in file.operations[path]
        if (operation.graph, operation.tensor) == (part.graph, part.tensor)
    }
    tool = quantizer.Quantizer(bytearray(scoped.write()))
    for path, width in bits.items():
        for operation in file.operations[path]:
            _configure(tool, f"^{re.escape(_scope(operation))};?$", width, blocks[path], over[path])
    # it prints sizes, and bars for many operators
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        made = File(bytes(tool.quantize().quantized_model))
    _empty(made, dead)
    for graph in made.model.subgraphs:
        for tensor in graph.tensors:
            tensor.name = names.get(tensor.name.decode(), tensor.name)
    return made.write()


def _name_scopes(scoped: File, operations: Iterable[Operation]) -> dict[str, bytes]:
    """Name the output of each operation by its scope; return the names of before by the new ones.

    Two operators may have one name, and the library takes a scope for a regular expression.
    """
    names = {}
    for operation in operations:
        output = _output(scoped, operation)
        names[_scope(operation)] = output.name
        output.name = _scope(operation).encode()
    return names


def _scope(operation: Operation) -> str:
    return f"slimline-{operation.graph}-{operation.operator}"


def _output(file: File, operation: Operation) -> Tensor:
    graph = file.model.subgraphs[operation.graph]
    found: Tensor = graph.tensors[graph.operators[operation.operator].outputs[0]]
    return found


def _fill(file: File, part: Part, values: NDArray[np.float32], block: int | None) -> NDArray[np.bool_]:
    """Fill outputs, or blocks, of nothing but zeros, for which the quantizer has no scale; gives where they are."""
    rows = np.moveaxis(values, part.outputs, 0)
    groups = rows.reshape(-1, block) if block else rows.reshape(len(rows), -1)
    zeros = np.broadcast_to(~groups.any(axis=1, keepdims=True), groups.shape).reshape(rows.shape)
    mask = np.moveaxis(zeros, 0, part.outputs)
    if mask.any():
        most = float(np.abs(values).max()) or 1.0
        file.store(file.tensor(part.graph, part.tensor), np.where(mask, np.float32(most), values))
    return mask


def _empty(file: File, dead: Mapping[str, NDArray[np.bool_]]) -> None:
    """Let what was filled be zeros again."""
    for number, graph in enumerate(file.model.subgraphs):
        for operator in graph.operators or ():
            mask = dead.get(graph.tensors[operator.outputs[0]].name.decode()) if np.size(operator.outputs) else None
            if mask is not None and mask.any():
                values = file.constant(number, operator.inputs[1]).values
                file.store(graph.tensors[operator.inputs[1]], in_half_bytes(np.where(mask, np.int8(0), values)))


def _configure(tool: Any, scope: str, width: Bits, block: int | None, over: WeightRange) -> None:
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    every, grain = qtyping.TFLOperationName.ALL_SUPPORTED, qtyping.QuantGranularity
    algorithms = {"minmax": AlgorithmName.MIN_MAX_UNIFORM_QUANT, "mse": AlgorithmName.MSE, "octav": AlgorithmName.OCTAV}
    if width == 16:
        tool.add_weight_only_config(scope, every, 16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    elif width < 16:
        grains = grain[f"BLOCKWISE_{block}"] if block else grain.CHANNELWISE
        algorithm = algorithms[over] if width == 4 else algorithms["minmax"]
        tool.add_dynamic_config(scope, every, width, grains, algorithm)
