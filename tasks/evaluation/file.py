"""A ``.tflite`` file as its schema describes it, with all of its graphs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EvaluationError, PackingError
from tasks.litert_types import Operator, SubGraph, Tensor
from tasks.packing.recording import read_model

PACKED_BITS = {"INT4": 4, "UINT4": 4, "INT2": 2}
DTYPES: dict[str, type[np.generic]] = {
    "FLOAT16": np.float16,
    "BFLOAT16": np.uint16,  # its bits; only the sign may be set in a zero
    "FLOAT32": np.float32,
    "FLOAT64": np.float64,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}


class Flatbuffer:
    """A ``.tflite`` file as its schema describes it.

    Raises:
        EvaluationError: the file is not a LiteRT flatbuffer.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.content = path.read_bytes()
        try:
            self.model = read_model(self.content)
        except PackingError as error:
            raise EvaluationError(f"{path}: {error} Make it anew with `slimline run`.") from None
        self._operators = _names(schema.BuiltinOperator)
        self._types = _names(schema.TensorType)

    def operations(self) -> Iterator[tuple[str, Operator, SubGraph]]:
        """Yield every operation: its name, itself, and the graph that it is in."""
        for graph in self.model.subgraphs:
            for operation in graph.operators or ():
                yield self.name(operation), operation, graph

    def name(self, operation: Operator) -> str:
        """Return the name of what an operation does.

        Args:
            operation: of this file.
        """
        code = self.model.operatorCodes[operation.opcodeIndex]
        return self._operators[max(code.builtinCode, code.deprecatedBuiltinCode)]

    def type(self, tensor: Tensor) -> str:
        """Return the name of a tensor's element type.

        Args:
            tensor: of this file.
        """
        return self._types[tensor.type]

    def bytes_of(self, tensor: Tensor) -> NDArray[np.uint8] | None:
        """Return what is stored of a constant; None for a tensor that is computed.

        Args:
            tensor: of this file.
        """
        buffer = self.model.buffers[tensor.buffer]
        if buffer.offset > 1:  # stored behind the flatbuffer, which cannot be larger than 2 GiB
            return np.frombuffer(self.content, np.uint8, buffer.size, buffer.offset)
        return None if buffer.data is None or not len(buffer.data) else np.asarray(buffer.data, np.uint8)


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
