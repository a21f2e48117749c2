"""Look rows of tables up with the operator that can read rows of fewer bits.

An ``Embedding`` converts to GATHER, whose table may be float32 or int8. EMBEDDING_LOOKUP gives the same rows and reads
tables of 8, 4 and 2 bits, too. It takes ids of one dimension, so that a RESHAPE stands before it and one behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tasks.compression.flatbuffer import File, Places
from tasks.compression.graph_edits import add_tensor, code_index, operator, reshape
from tasks.compression.quantization.float_file import FloatFile, TableSettings
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.compression.quantization.tables import TableBits, store_tables, store_whole
from tasks.learning.rewrites import note
from tasks.litert_types import Operator, SubGraph, Tensor
from tasks.samples import Inputs

REWRITE = "gather as a lookup"
SUMMED = 1e-5  # of the largest answer: what float32 may differ by where products are summed in another order
Gathers = dict[tuple[int, int], str]  # by the numbers of graph and table: the path of the weight


@dataclass(frozen=True)
class LookedUp:
    """A file whose tables are read by EMBEDDING_LOOKUP; ``refused``: by the path of a table why it is not."""

    flatbuffer: bytes
    refused: Mapping[str, str] = field(default_factory=dict)


def with_lookups(flatbuffer: bytes, places: Places, samples: Inputs) -> LookedUp:
    """Put EMBEDDING_LOOKUP in the place of each GATHER of a weight's rows, where the answers stay the same bit for bit.

    Tensors keep their numbers, so that ``places`` holds for the new file, too.

    Args:
        flatbuffer: in float.
        places: where the weights are.
        samples: that both files are asked about, with both kinds of kernels.

    Returns:
        the file, and why tables are read as before where they are.
    """
    file = File(flatbuffer)
    tables = _gathered(file, places)
    refused = {path: why for place, path in tables.items() if (why := _why_not(file, *place))}
    wanted = {place: path for place, path in tables.items() if path not in refused}
    made = flatbuffer
    if wanted:
        for number, graph in enumerate(file.model.subgraphs):
            graph.operators = [new for old in graph.operators for new in _replaced(file, graph, old, number, wanted)]
        made = file.write()
        if not same_answers(flatbuffer, made, samples):
            refused |= dict.fromkeys(wanted.values(), "the runtime would give other answers")
            made = flatbuffer
    for path in tables.values():
        note(REWRITE, path, refused.get(path, ""))
    return LookedUp(made, refused)


def exact_settings(file: FloatFile, samples: Inputs) -> TableSettings:
    """Return the settings of a file with those widths alone at which the runtime reads exactly what levels stand for.

    Args:
        file: whose tables are looked up.
        samples: that files are asked about, with both kinds of kernels.
    """
    exact = {
        kind: tuple(bits for bits in allowed if _is_exact(file, samples, kind, bits))
        for kind, allowed in (
            ("table", file.tables.bits),
            ("recurrent", file.tables.recurrent),
            ("shared", file.tables.shared),
        )
    }
    return replace(file.tables, bits=exact["table"], recurrent=exact["recurrent"], shared=exact["shared"])


def _is_exact(file: FloatFile, samples: Inputs, kind: str, bits: TableBits) -> bool:
    paths = [path for path in file.weights if file.kind(path) == kind and bits in file.exact_bits(path)]
    if not paths:
        return True
    levels = {path: file.as_levels(path, bits, False) for path in paths}
    stored = File(file.flatbuffer)
    places = {path: [(part.graph, part.tensor) for part in file.parts[path]] for path in paths}
    found = {place: each for path in paths for place, each in zip(places[path], levels[path], strict=True)}
    (store_tables if kind == "table" else store_whole)(stored, found)
    meant = file.replaced({path: [each.real() for each in levels[path]] for path in paths})
    return same_answers(meant, stored.write(), samples, SUMMED if kind == "shared" else 0.0)


def same_answers(before: bytes, after: bytes, samples: Inputs, tolerance: float = 0.0) -> bool:
    """Return whether two files give the same answers bit for bit, with both kinds of kernels.

    Args:
        before: the one file.
        after: the other one.
        samples: that both are asked about.
        tolerance: how far they may be apart, as a share of the largest answer; 0: not in a bit.
    """
    for kernels in (XNNPACK, PLAIN):
        first, second = answers(before, samples, kernels), answers(after, samples, kernels)
        if first.tobytes() != second.tobytes() and (
            not tolerance or not np.abs(first - second).max() <= tolerance * np.abs(first).max()
        ):
            return False
    return True


def _gathered(file: File, places: Places) -> Gathers:
    from ai_edge_litert import schema_py_generated as schema

    weights = {(part.graph, part.tensor): path for path, parts in places.items() for part in parts}
    return {
        (use.graph, use.tensor): weights[use.graph, use.tensor]
        for use in file.uses()
        if use.code == schema.BuiltinOperator.GATHER and use.slot == 0 and (use.graph, use.tensor) in weights
    }


def _why_not(file: File, number: int, table: int) -> str:
    """Return why a table is no list of rows that are looked up by int32; empty where it is."""
    from ai_edge_litert import schema_py_generated as schema

    graph = file.model.subgraphs[number]
    tensor = graph.tensors[table]
    if tensor.type != schema.TensorType.FLOAT32 or len(tensor.shape) != 2:
        return "it is no table of float32 rows"
    for each in graph.operators:
        if file.code(each) != schema.BuiltinOperator.GATHER or int(each.inputs[0]) != table:
            continue
        ids, options = graph.tensors[each.inputs[1]], each.builtinOptions
        if options is not None and (options.axis not in (0, -2) or options.batchDims):
            return "something else than rows is taken from it"
        if ids.type != schema.TensorType.INT32:
            return "its ids are not int32"
        if any(size < 0 for size in _sizes(ids)[1:]):
            return "the number of ids is not fixed"
    return ""


def _sizes(tensor: Tensor) -> list[int]:
    """A tensor's shape, -1 where a size is known in a run alone."""
    known = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    return [int(size) for size in known]


def _replaced(file: File, graph: SubGraph, old: Operator, number: int, wanted: Gathers) -> Sequence[Operator]:
    """The operators in the place of one: three for a GATHER of a table, else itself."""
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    if file.code(old) != builtin.GATHER or (number, int(old.inputs[0])) not in wanted:
        return [old]
    model = file.model
    (table, ids), (given,) = (list(map(int, numbers)) for numbers in (old.inputs, old.outputs))
    name, sizes = (graph.tensors[given].name or b"").decode(), _sizes(graph.tensors[ids])
    count, width = int(np.prod(graph.tensors[ids].shape)), int(graph.tensors[table].shape[1])
    flat = add_tensor(graph, f"{name} ids", schema.TensorType.INT32, [count])
    rows = add_tensor(graph, f"{name} rows", schema.TensorType.FLOAT32, [count, width])
    looked_up = operator(code_index(model, builtin.EMBEDDING_LOOKUP), [flat, table], [rows])
    # the first size follows, so that a batch may go through
    shape = np.array([-1, *sizes[1:], width] if sizes else [width])
    return [
        reshape(model, graph, ids, flat, np.array([-1])),
        looked_up,
        reshape(model, graph, rows, given, shape),
    ]
