"""A ``.tflite`` file taken apart: the objects of its schema as this code uses them.

``ai_edge_litert.schema_py_generated`` ships no types. What a file lacks is None in these objects; whoever reads what a
file may lack asks for it first.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]


class Buffer(Protocol):
    """Bytes of a constant; a buffer without ``data`` is that of what is computed, or lies behind the flatbuffer."""

    data: NDArray[np.uint8]
    offset: int
    size: int


class Quantization(Protocol):
    """Scales and zero points of a tensor, along one of its dimensions."""

    scale: NDArray[np.float32]
    zeroPoint: NDArray[np.int64]  # noqa: N815
    quantizedDimension: int  # noqa: N815
    min: NDArray[np.float32]
    max: NDArray[np.float32]
    details: Any  # of blocks: in which tensors their scales and zero points are


class Tensor(Protocol):
    """A value of a graph: computed, or a constant."""

    name: Any  # bytes as it is read; text is written too
    type: int
    shape: Any  # whole numbers
    shapeSignature: Integers  # noqa: N815
    buffer: int
    quantization: Any  # a Quantization, or None
    sparsity: Any


class Operator(Protocol):
    """An operation: numbers of the tensors that it takes and gives, -1 for one that it does without."""

    opcodeIndex: int  # noqa: N815
    inputs: Integers
    outputs: Integers
    intermediates: Integers
    builtinOptions: Any  # noqa: N815 - of a class of its own for each kind of operation
    builtinOptionsType: int  # noqa: N815


class OperatorCode(Protocol):
    """A kind of operation; of the two numbers the larger one counts."""

    builtinCode: int  # noqa: N815
    deprecatedBuiltinCode: int  # noqa: N815
    version: int


class SubGraph(Protocol):
    """A graph; the first one of a file is run, and may call others."""

    name: Any
    tensors: list[Tensor]
    operators: list[Operator]
    inputs: Integers
    outputs: Integers


class Model(Protocol):
    """A whole file."""

    subgraphs: list[SubGraph]
    operatorCodes: list[OperatorCode]  # noqa: N815
    buffers: list[Buffer]
    signatureDefs: Any  # noqa: N815
    metadata: Any
    metadataBuffer: Any  # noqa: N815
    description: Any

    def Pack(self, builder: Any) -> Any:  # noqa: N802
        """Put it into a buffer.

        Args:
            builder: of FlatBuffers.

        Returns:
            where it lies in the buffer.
        """
