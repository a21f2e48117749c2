"""The part of LiteRT's schema that packing knows: tensors, operators and quantizations in the tree of a file.

A path is a chain of slots, each followed by the type of the union that the slot holds, 0 where it is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from tasks.errors import PackingError
from tasks.packing.tree import Node, Scalar, Table, Tables, Vector

Path = tuple[int, ...]

SUBGRAPHS, BUFFERS = 2, 4  # of the model
TENSORS, OPERATORS = 0, 3  # of a subgraph
SHAPE, TYPE, BUFFER, QUANTIZATION = 0, 1, 2, 4  # of a tensor
MINIMUM, MAXIMUM, SCALE, ZERO_POINT, AXIS = 0, 1, 2, 3, 6  # of a quantization
CODE, INPUTS, OUTPUTS = 0, 1, 2  # of an operator

AXES = 16  # of a tensor, at most

SUBGRAPH: Path = (SUBGRAPHS, 0)
TENSOR: Path = (*SUBGRAPH, TENSORS, 0)
OPERATOR: Path = (*SUBGRAPH, OPERATORS, 0)
QUANTIZED: Path = (*TENSOR, QUANTIZATION, 0)
STORED: Path = (BUFFERS, 0)

FLOAT32, FLOAT16, INT32, UINT8, INT64, INT16, INT8, INT4 = 0, 1, 2, 3, 4, 7, 9, 17  # types of a tensor
NAMES = {FLOAT32: "float32", FLOAT16: "float16", INT32: "int32", UINT8: "uint8", INT64: "int64", INT16: "int16"}
NAMES |= {INT8: "int8", INT4: "int4"}
BITS = {FLOAT32: 32, FLOAT16: 16, INT32: 32, UINT8: 8, INT64: 64, INT16: 16, INT8: 8, INT4: 4}


@dataclass(frozen=True)
class Constant:
    """A tensor's type, shape and scales."""

    type: int
    shape: tuple[int, ...]
    scales: bytes

    @property
    def size(self) -> int:
        """Bytes of an element; 1 where several share a byte."""
        return max(1, BITS.get(self.type, 8) // 8)

    @property
    def name(self) -> str:
        """Name of the type."""
        return NAMES.get(self.type, f"type {self.type}")

    @property
    def bytes(self) -> int:
        """Return what its elements take."""
        return (prod(self.shape) * BITS.get(self.type, 0) + 7) // 8


def numbers(node: Node | None) -> list[int]:
    """Return the elements of a vector of numbers with signs; none where there is no vector.

    Args:
        node: of a tree.
    """
    return np.frombuffer(node.data, f"<i{node.size}").tolist() if isinstance(node, Vector) else []


def number(node: Node | None) -> int:
    """Return a scalar's value; 0 where there is none.

    Args:
        node: of a tree.
    """
    return node.value if isinstance(node, Scalar) else 0


def items(node: Node | None) -> list[Table]:
    """Return the tables of a vector; none where there is no vector.

    Args:
        node: of a tree.
    """
    return [item for item in node.items if isinstance(item, Table)] if isinstance(node, Tables) else []


def subgraphs(model: Table) -> list[Table]:
    """Return all graphs of a model.

    Args:
        model: the root of its tree.
    """
    return items(model.fields.get(SUBGRAPHS))


def constant_of(tensor: Table) -> Constant:
    """Return what is known of a tensor.

    Args:
        tensor: its table.

    Raises:
        PackingError: it has more axes than any runtime knows.
    """
    shape = tuple(max(0, size) for size in numbers(tensor.fields.get(SHAPE)))
    if len(shape) > AXES:
        raise PackingError(f"Expected tensors of up to {AXES} axes. Received: one of {len(shape)}.")
    scales = quantization(tensor).get(SCALE)
    floats = scales.data if isinstance(scales, Vector) and scales.size == 4 else b""
    return Constant(number(tensor.fields.get(TYPE)), shape, floats)


def quantization(tensor: Table) -> dict[int, Node]:
    """Return the fields of a tensor's quantization, by their slots.

    Args:
        tensor: its table.
    """
    found = tensor.fields.get(QUANTIZATION)
    return found.fields if isinstance(found, Table) else {}


def constants(model: Table) -> dict[int, Constant]:
    """Return the first tensor of each buffer that one names, by the buffer's number.

    Args:
        model: the root of its tree.
    """
    found: dict[int, Constant] = {}
    for graph in subgraphs(model):
        for tensor in items(graph.fields.get(TENSORS)):
            found.setdefault(number(tensor.fields.get(BUFFER)), constant_of(tensor))
    return found


def biases(model: Table) -> Iterator[tuple[Table, Table, Table]]:
    """Yield for each operator with an input, a kernel and a bias the tensors of these three.

    Args:
        model: the root of its tree.
    """
    for graph in subgraphs(model):
        tensors = items(graph.fields.get(TENSORS))
        for operator in items(graph.fields.get(OPERATORS)):
            inputs = numbers(operator.fields.get(INPUTS))
            if len(inputs) == 3 and all(0 <= at < len(tensors) for at in inputs):
                yield tensors[inputs[0]], tensors[inputs[1]], tensors[inputs[2]]
