"""Rows of tables in 8, 4 or 2 bits, as LiteRT's EMBEDDING_LOOKUP reads them, and other weights that are read as floats.

A row is levels −L … L times a scale, L = 2^(bits − 1) − 1. A scale is of each row, in float16 where the bits are fewer
than 8 (2 bytes a row), or of the whole table; where each row of 8 bits has one, it takes 12 bytes with its zero point.
Scales are those of the least squared error, which OCTAV (Sakr et al. 2022, arXiv:2206.06501) finds by Newton's method;
where nothing is to be clipped, those of the greatest weight.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File, in_half_bytes, in_quarter_bytes
from tasks.compression.graph_edits import add_constant, add_tensor, code_index, operator
from tasks.compression.quantization.levels import best_scale, largest_level, round_to_levels

TableBits = Literal[8, 4, 2]
TableScales = Literal["row", "table"]
RATIOS = np.linspace(0.1, 1.0, 91)  # of the greatest weight, that scales are looked for among
CHUNK = 1 << 22  # weights at a time
LARGEST_HALF, LEAST_HALF = 65504.0, 2.0**-24
HALVES_SINCE, LEVELS_SINCE = 3, 6  # versions of DEQUANTIZE that read float16, and 4 bits
LOOKUP_SINCE = 4  # version of EMBEDDING_LOOKUP that reads rows of 4 bits and a scale for each


@dataclass(frozen=True)
class TableLevels:
    """A table as it is stored: levels int8 ``[rows, width]``, scales float32 of each row, or one."""

    levels: NDArray[np.int8]
    scales: NDArray[np.float32]
    bits: TableBits

    def real(self) -> NDArray[np.float32]:
        """Return the values that are meant."""
        return self.levels.astype(np.float32) * self.scales.reshape(-1, 1)

    def bytes(self) -> int:
        """Return the bytes of levels and scales in a file."""
        each = 2 if self.bits < 8 else 12
        return self.levels.size * self.bits // 8 + (each * len(self.scales) if len(self.scales) > 1 else 12)


def widths(width: int) -> tuple[TableBits, ...]:
    """Return the bits that rows of so many weights may have, falling: each row must fill whole bytes.

    LiteRT reads rows that begin within a byte from the wrong place, and says nothing.

    Args:
        width: weights of a row.
    """
    every: tuple[TableBits, ...] = (8, 4, 2)
    return tuple(bits for bits in every if width * bits % 8 == 0)


def levels_of(
    values: NDArray[np.float32], bits: TableBits, scales: TableScales | None = None, clipped: bool = True
) -> TableLevels:
    """Return the levels of a table.

    Args:
        values: ``[rows, width]``.
        bits: of a level.
        scales: what shares one; None: each row has its own where that takes 2 bytes, the table where it would take 12.
        clipped: False: from the least to the greatest weight.
    """
    each, largest = scales == "row" or (scales is None and bits < 8), largest_level(bits)
    step = max(1, CHUNK // values.shape[1]) if each else len(values)
    parts = [values[start : start + step].T for start in range(0, len(values), step)]
    ratios = RATIOS if clipped else RATIOS[-1:]
    found = np.concatenate([np.atleast_1d(best_scale(part, largest, each, ratios)) for part in parts])
    if each and bits < 8:
        found = np.clip(found, LEAST_HALF, LARGEST_HALF).astype(np.float16).astype(np.float32)
    return TableLevels(round_to_levels(values, found[:, None], largest), found, bits)


def store_tables(file: File, tables: Mapping[tuple[int, int], TableLevels]) -> None:
    """Put levels in the place of float tables that EMBEDDING_LOOKUP reads.

    Args:
        file: is changed.
        tables: by the numbers of graph and tensor.
    """
    from ai_edge_litert import schema_py_generated as schema

    for (number, index), table in tables.items():
        graph = file.model.subgraphs[number]
        _store(file, number, index, table)
        newer = code_index(file.model, schema.BuiltinOperator.EMBEDDING_LOOKUP, LOOKUP_SINCE)
        for each in graph.operators:
            if file.code(each) == schema.BuiltinOperator.EMBEDDING_LOOKUP and int(each.inputs[1]) == index:
                each.opcodeIndex = newer


def store_whole(file: File, kernels: Mapping[tuple[int, int], TableLevels]) -> None:
    """Put levels in the place of float kernels, behind an operator that makes float32 of them once.

    Args:
        file: is changed.
        kernels: by the numbers of graph and tensor.
    """
    for (number, index), levels in kernels.items():
        _store(file, number, index, levels)
        _make_floats(file, number, index, LEVELS_SINCE)


def store_halves(file: File, weights: Iterable[tuple[int, int]]) -> None:
    """Store weights as float16, behind an operator that makes float32 of them once.

    Args:
        file: is changed.
        weights: numbers of graph and tensor.
    """
    from ai_edge_litert import schema_py_generated as schema

    for number, index in weights:
        tensor = file.tensor(number, index)
        values = np.frombuffer(file.content(tensor), np.float32).reshape(tensor.shape)
        file.store(tensor, values.astype(np.float16))
        tensor.type = schema.TensorType.FLOAT16
        _make_floats(file, number, index, HALVES_SINCE)


def _store(file: File, number: int, index: int, table: TableLevels) -> None:
    """Put levels and their scales in the place of a float tensor."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = {8: schema.TensorType.INT8, 4: schema.TensorType.INT4, 2: schema.TensorType.INT2}
    graph, tensor = file.model.subgraphs[number], file.tensor(number, index)
    stored = {8: lambda levels: levels, 4: in_half_bytes, 2: in_quarter_bytes}[table.bits](table.levels)
    file.store(tensor, stored)
    tensor.type = kinds[table.bits]
    tensor.quantization = schema.QuantizationParametersT()
    if table.bits < 8 and len(table.scales) > 1:
        scales = table.scales.astype(np.float16).reshape(-1, 1)
        blocks = schema.BlockwiseQuantizationT()
        blocks.scales = add_constant(file.model, graph, f"{(tensor.name or b'').decode()} scales", scales)
        blocks.zeroPoints, blocks.blockSize = -1, table.levels.shape[1]
        tensor.quantization.details = blocks
        tensor.quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    else:
        tensor.quantization.scale = table.scales
        tensor.quantization.zeroPoint = np.zeros(len(table.scales), np.int64)


def _make_floats(file: File, number: int, index: int, version: int) -> None:
    """Let all that reads a constant read the floats that it stands for."""
    from ai_edge_litert import schema_py_generated as schema

    graph, tensor = file.model.subgraphs[number], file.tensor(number, index)
    name = f"{(tensor.name or b'').decode()} whole"
    whole = add_tensor(graph, name, schema.TensorType.FLOAT32, tensor.shape)
    for each in graph.operators:
        each.inputs = np.where(np.asarray(each.inputs) == index, whole, each.inputs).astype(np.int32)
    code = code_index(file.model, schema.BuiltinOperator.DEQUANTIZE, version)
    graph.operators.insert(0, operator(code, [index], [whole]))
