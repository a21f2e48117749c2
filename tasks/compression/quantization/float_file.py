"""A float ``.tflite`` file as the place where rounding is tried: the layers' weights are read, replaced and run."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.compression.flatbuffer import Constant, File, Part, Places
from tasks.compression.location import align
from tasks.compression.quantization.tables import TableBits, TableLevels, TableScales, levels_of, widths
from tasks.litert import LiteRTModel
from tasks.samples import Inputs

# of what reads a weight: which widths it may have depends on it; nothing but float32 in operators of kind "fixed"
Kind = Literal["dense", "convolution", "other", "table", "recurrent", "shared", "fixed"]
# what is read as floats, so that it counts as stored; shared: a table that a dense layer multiplies by, too
EXACT: frozenset[Kind] = frozenset({"table", "recurrent", "shared"})
SHARED = 256  # values of a table at most, where they are shared
WHOLE: tuple[TableBits, ...] = (8, 4)  # what the runtime makes floats of
LSTM_KERNELS = (*range(1, 9), 16)  # inputs of LiteRT's LSTM: of each gate for inputs and states, and the projection
Arrays = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class TableSettings:
    """The ways in which rows of tables, and kernels of recurrent layers, may be stored.

    ``bits``: widths of tables, falling; ``scales``: theirs, see
    :func:`tasks.compression.quantization.tables.levels_of`; ``recurrent``: widths of recurrent kernels, falling;
    ``shared``: of tables that are multiplied by as well; ``whole``: paths of weights that stay float32.
    """

    bits: tuple[TableBits, ...] = get_args(TableBits)
    scales: TableScales | None = None
    recurrent: tuple[TableBits, ...] = WHOLE
    shared: tuple[TableBits, ...] = WHOLE
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Operation:
    """An operation that reads a constant of a layer.

    ``graph``, ``operator``, ``tensor``: numbers in the file, the last that of the constant; ``output``: the name of the
    tensor that comes out.
    """

    graph: int
    operator: int
    tensor: int
    output: str
    kind: Kind


class FloatFile:
    """A float model, the constants of its weights, and the operators that read them.

    Weights that the file holds in one constant, since they are equal, are known by the first one's path: ``heads`` has
    it for each path.

    Args:
        flatbuffer: float32 throughout.
        places: where the weights are.
        tables: how rows of tables may be stored.
    """

    def __init__(self, flatbuffer: bytes, places: Places, tables: TableSettings = TableSettings()) -> None:
        self.flatbuffer, self.places, self.tables = flatbuffer, places, tables
        self.file = File(flatbuffer)
        self.uses = self.file.uses()
        self.heads: dict[str, str] = {}
        self.parts: dict[str, tuple[Part, ...]] = {}
        owners: dict[tuple[int, int], str] = {}
        for path, parts in places.items():
            if parts:
                head = next((owners[place] for place in _places(parts) if place in owners), path)
                self.heads[path] = head
                new = tuple(part for part in parts if (part.graph, part.tensor) not in owners)
                self.parts[head] = (*self.parts.get(head, ()), *new)
                owners |= dict.fromkeys(_places(parts), head)
        self.weights: dict[str, Arrays] = {
            path: tuple(self.file.constant(part.graph, part.tensor).values for part in parts)
            for path, parts in self.parts.items()
        }
        self._bytes = {place: found for place in owners if (found := self._alone(*place)) is not None}
        self.operations = {path: self._operations(set(_places(parts))) for path, parts in self.parts.items()}

    def _alone(self, graph: int, tensor: int) -> slice | None:
        """Return where a constant lies in the file; None where others lie there too."""
        from ai_edge_litert import schema_py_generated as schema

        number = self.file.tensor(graph, tensor).buffer
        users = [each for found in self.file.model.subgraphs for each in found.tensors if each.buffer == number]
        buffer = schema.Model.GetRootAs(self.flatbuffer).Buffers(number)
        data = buffer._tab.Offset(4)  # the first field of the schema's Buffer
        if len(users) > 1 or not data:
            return None
        start = buffer._tab.Vector(data)
        return slice(start, start + buffer.DataLength())

    def _operations(self, constants: set[tuple[int, int]]) -> tuple[Operation, ...]:
        return tuple(
            Operation(
                use.graph, use.operator, use.tensor, self._output(use.graph, use.operator), _kind(use.code, use.slot)
            )
            for use in self.uses
            if (use.graph, use.tensor) in constants
        )

    def _output(self, graph: int, operator: int) -> str:
        found = self.file.model.subgraphs[graph]
        return str(found.tensors[found.operators[operator].outputs[0]].name.decode())

    def kind(self, path: str) -> Kind:
        """Return the kind that permits least of all that reads a weight; ``fixed`` where it is to stay whole.

        Args:
            path: of the weight.
        """
        if any(self.heads[each] == path for each in self.tables.whole if each in self.heads):
            return "fixed"
        kinds = {operation.kind for operation in self.operations[path]}
        if kinds & EXACT:
            return next(iter(kinds)) if len(kinds) == 1 else "shared" if kinds == {"table", "dense"} else "fixed"
        order: tuple[Kind, ...] = ("fixed", "other", "convolution", "dense")
        return next(kind for kind in order if kind in kinds)

    def exact_bits(self, path: str) -> tuple[TableBits, ...]:
        """Return the widths that a table or a recurrent kernel may have, falling; none of other weights.

        Args:
            path: of the weight.
        """
        kind = self.kind(path)
        if kind != "table":
            return {"recurrent": self.tables.recurrent, "shared": self.tables.shared}.get(kind, ())
        row = math.gcd(*(values.shape[-1] for values in self.weights[path]))
        return tuple(bits for bits in self.tables.bits if bits in widths(row))

    def as_levels(self, path: str, bits: TableBits, clipped: bool = True) -> tuple[TableLevels, ...]:
        """Return a table or a recurrent kernel, each of its constants, as it would be stored.

        Args:
            path: of the weight.
            bits: of each level.
            clipped: whether the greatest weights may be cut.
        """
        scales = self.tables.scales if self.kind(path) == "table" else "table"
        return tuple(
            levels_of(values, bits, scales or ("table" if _few_values(values) else None), clipped)
            for values in self.weights[path]
        )

    def replaced(self, weights: Mapping[str, Sequence[Array]]) -> bytes:
        """Return the file with other constants for some weights.

        They are written over the old ones: to take a file apart and write it again takes as long as to run it on some
        dozens of images.

        Args:
            weights: for each path as many arrays as it has constants.
        """
        new = [
            (part, array)
            for path, arrays in weights.items()
            for part, array in zip(self.parts[path], arrays, strict=True)
        ]
        if any((part.graph, part.tensor) not in self._bytes for part, _ in new):
            return self._rewritten(new)
        found = bytearray(self.flatbuffer)
        for part, array in new:
            found[self._bytes[part.graph, part.tensor]] = np.ascontiguousarray(array, np.float32).tobytes()
        return bytes(found)

    def _rewritten(self, new: Sequence[tuple[Part, Array]]) -> bytes:
        """The file with other constants, where equal ones are stored once and now differ."""
        file = File(self.flatbuffer)
        for part, array in new:
            file.store(file.tensor(part.graph, part.tensor), np.ascontiguousarray(array, np.float32))
        return file.write()

    def moved(self, other: File) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """Return the constants of another file in the place of each of this one's, by numbers of graph and tensor.

        Args:
            other: made of this one.
        """
        held = {place for parts in self.places.values() for place in _places(parts)}
        real = {place: self.file.constant(*place).real() for place in held}
        wanted = {
            number: real[place] for number, use in enumerate(self.uses) if (place := (use.graph, use.tensor)) in held
        }
        now = align(self.uses, other, wanted)
        moved: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for number, use in now.items():
            old = self.uses[number]
            moved.setdefault((old.graph, old.tensor), []).append((use.graph, use.tensor))
        return moved

    def places_in(self, flatbuffer: bytes) -> Places:
        """Return where a file that was made of this one, with other types for weights, holds them.

        Args:
            flatbuffer: of the other file.
        """
        moved = self.moved(File(flatbuffer))
        return {
            path: tuple(
                dict.fromkeys(
                    replace(part, graph=graph, tensor=tensor)
                    for part in parts
                    for graph, tensor in moved[part.graph, part.tensor]
                )
            )
            for path, parts in self.places.items()
        }

    def stored(self, flatbuffer: bytes) -> dict[str, tuple[Constant, ...]]:
        """Return what a file that was made of this one holds for each of the arrays in ``weights``.

        Args:
            flatbuffer: of the other file.
        """
        other = File(flatbuffer)
        moved = self.moved(other)
        return {
            path: tuple(other.constant(*moved[part.graph, part.tensor][0], part.outputs) for part in parts)
            for path, parts in self.parts.items()
        }


def _few_values(values: NDArray[np.float32]) -> bool:
    """Return whether a table has shared values, as from clustering, which a scale for each row would part."""
    return len(np.unique(values)) <= min(SHARED, values.size // 4)


def _places(parts: Sequence[Part]) -> list[tuple[int, int]]:
    return [(part.graph, part.tensor) for part in parts]


@functools.cache
def _kinds() -> dict[int, Kind]:
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    return {
        builtin.FULLY_CONNECTED: "dense",
        builtin.CONV_2D: "convolution",
        builtin.DEPTHWISE_CONV_2D: "other",
        builtin.TRANSPOSE_CONV: "other",
        builtin.EMBEDDING_LOOKUP: "table",
    }


def _kind(code: int, slot: int) -> Kind:
    from ai_edge_litert import schema_py_generated as schema

    if code == schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM and slot in LSTM_KERNELS:
        return "recurrent"
    return _kinds().get(code, "fixed") if slot == 1 else "fixed"


def run_file(flatbuffer: bytes, samples: Inputs | Array) -> NDArray[np.float32]:
    """Return logits as the deployed runtime gives them, sample by sample: float32 ``[n, outputs]``.

    Args:
        flatbuffer: of the file.
        samples: n of them.
    """
    return LiteRTModel(flatbuffer).predict(samples)
