"""Takes out of a ``.tflite`` file what no kernel reads, and lays it out so that it packs well.

Taken out: names of tensors and graphs, descriptions, ranges of values, empty quantizations, the converter's metadata,
tensors, buffers and operator codes that nothing names. Kept: everything that a kernel or a delegate reads, and
signatures with their names. Tensors, buffers and operator codes are numbered in the order in which operators use
them, and the file is laid out by :func:`tasks.packing.tree.serialize`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import CompressionError, PackingError
from tasks.litert_types import Integers, Model, Operator, SubGraph, Tensor
from tasks.packing import schema
from tasks.packing.floats import from_bits, products
from tasks.packing.recording import read_model, record
from tasks.packing.tree import Table, Vector, serialize

UNREAD = {"min_runtime_version", "CONVERSION_METADATA"}  # metadata about how the file was made
NONE = -1  # stands for an input that an operator does without
STEP = 2.0**-22  # two neighbouring floats differ by no more than this part of them


def strip(flatbuffer: bytes) -> tuple[bytes, tuple[dict[int, int], ...]]:
    """Strip a file.

    Args:
        flatbuffer: of the file.

    Returns:
        the new file, and for each graph the new numbers of its tensors by their old ones.

    Raises:
        CompressionError: it is no flatbuffer of LiteRT, or has constants outside of the flatbuffer.
    """
    try:
        model = read_model(flatbuffer)
    except PackingError as error:
        raise CompressionError(str(error)) from None
    if any(buffer.offset > 1 for buffer in model.buffers):
        raise CompressionError(
            "Expected constants inside of the flatbuffer. Received: a file of over 2 GiB, whose constants lie behind "
            "it. Leave pack out of this recipe."
        )
    model.description = model.metadataBuffer = None
    model.metadata = [entry for entry in model.metadata or () if _text(entry.name) not in UNREAD] or None
    numbers = tuple(_strip_graph(graph, number, model) for number, graph in enumerate(model.subgraphs))
    _renumber_codes(model)
    _renumber_buffers(model)
    tree = record(model)
    _scale_biases(tree)
    return serialize(tree), numbers


def _strip_graph(graph: SubGraph, number: int, model: Model) -> dict[int, int]:
    """Leave the tensors that something names, in the order of use; gives their new numbers by the old ones."""
    graph.name = None
    signatures = [signature for signature in model.signatureDefs or () if signature.subgraphIndex == number]
    entries = [entry for signature in signatures for entry in (*(signature.inputs or ()), *(signature.outputs or ()))]
    used: dict[int, int] = {NONE: NONE}
    every: Iterable[Iterable[int]] = (
        *(each for operator in graph.operators or () for each in _references(operator)),
        *(indices for indices in (graph.inputs, graph.outputs) if indices is not None),
        [entry.tensorIndex for entry in entries],
    )
    for indices in every:
        for index in indices:
            used.setdefault(int(index), len(used) - 1)
    for details in filter(None, [_blocks(graph.tensors[index]) for index in used if index != NONE]):
        details.scales = used.setdefault(int(details.scales), len(used) - 1)
        details.zeroPoints = used.setdefault(int(details.zeroPoints), len(used) - 1)
    graph.inputs, graph.outputs = _numbered(graph.inputs, used), _numbered(graph.outputs, used)
    for operator in graph.operators or ():
        operator.inputs, operator.outputs = _numbered(operator.inputs, used), _numbered(operator.outputs, used)
        operator.intermediates = _numbered(operator.intermediates, used)
    for entry in entries:
        entry.tensorIndex = used[int(entry.tensorIndex)]
    graph.tensors = [graph.tensors[index] for index in used if index != NONE]
    for tensor in graph.tensors:
        _strip_tensor(tensor)
    return used


def _strip_tensor(tensor: Tensor) -> None:
    tensor.name = None
    quantization = tensor.quantization
    if quantization is None:
        return
    quantization.min = quantization.max = None
    if quantization.details is None and (quantization.scale is None or not len(quantization.scale)):
        tensor.quantization = None


def _scale_biases(model: Table) -> None:
    """Kernels check that the scale of a bias is about the product of the two others, and count with the product."""
    for given, kernel, bias in schema.biases(model):
        stored, counted = _scales(bias), from_bits(products(*map(_scales, (given, kernel))))
        if counted and len(counted) == len(stored) and np.allclose(_floats(counted), _floats(stored), STEP, 0):
            schema.quantization(bias)[schema.SCALE] = Vector(4, counted)


def _scales(tensor: Table) -> bytes:
    return schema.constant_of(tensor).scales


def _floats(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, "<f4")


def _blocks(tensor: Tensor) -> Any:
    """Name the tensors that hold the scales of a tensor's blocks, and their zero points if there are any."""
    details = tensor.quantization and tensor.quantization.details
    return details if hasattr(details, "zeroPoints") else None


def _references(operator: Operator) -> Iterable[Integers]:
    return (each for each in (operator.inputs, operator.outputs, operator.intermediates) if each is not None)


def _numbered(indices: Integers, used: dict[int, int]) -> Integers:
    return None if indices is None else np.array([used[int(index)] for index in indices], np.int32)


def _renumber_codes(model: Model) -> None:
    used: dict[int, int] = {}
    for operator in (operator for graph in model.subgraphs for operator in graph.operators or ()):
        operator.opcodeIndex = used.setdefault(int(operator.opcodeIndex), len(used))
    model.operatorCodes = [model.operatorCodes[index] for index in used]


def _renumber_buffers(model: Model) -> None:
    """The first buffer is empty and stands for all that are."""
    used: dict[int, int] = {}
    for owner in (*(tensor for graph in model.subgraphs for tensor in graph.tensors), *(model.metadata or ())):
        data = model.buffers[owner.buffer].data
        full = data is not None and len(data) > 0
        owner.buffer = used.setdefault(int(owner.buffer), len(used) + 1) if full else 0
    empty = type(model.buffers[0])()
    model.buffers = [empty, *(model.buffers[index] for index in used)]


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else name or ""
