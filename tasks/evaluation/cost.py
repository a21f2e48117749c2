"""The cost of a model, whatever it runs on: read from the flatbuffer, without running or loading it.

Bytes are always two numbers: as the runtime loads the file, and as it is stored and downloaded
(:func:`tasks.packing.container.pack`, the very bytes that a release holds), beside them what zstd alone would store.

A *parameter* is an element of a constant that operations compute with: kernels, biases, embedding tables, the
constants of a normalization. Shapes, axes and paddings are integers without a quantization and do not count,
nor do single numbers such as a rescaling, nor the scales and zero points of the quantization. A kernel that
two operations share counts once, a bias each time, since the converter merges equal biases. An element is
*non-zero* if the value it stands for is: an int8 zero is what is stored as the zero point.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EvaluationError, PackingError
from tasks.evaluation.records import Cost
from tasks.packing.pack_cache import packed
from tasks.packing.recording import read_model
from tasks.packing.zstd import compress_zstd

BIAS = 2  # its position among the inputs of a convolution and a fully connected layer
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

    def operations(self) -> Iterator[tuple[str, Any, Any]]:
        """Every operation: its name, itself, and the graph that it is in."""
        for graph in self.model.subgraphs:
            for operation in graph.operators:
                code = self.model.operatorCodes[operation.opcodeIndex]
                yield self._operators[max(code.builtinCode, code.deprecatedBuiltinCode)], operation, graph

    def type(self, tensor: Any) -> str:
        """The name of a tensor's element type."""
        return self._types[tensor.type]

    def bytes_of(self, tensor: Any) -> NDArray[np.uint8] | None:
        """Return what is stored of a constant; None for a tensor that is computed."""
        buffer = self.model.buffers[tensor.buffer]
        if buffer.offset > 1:  # stored behind the flatbuffer, which cannot be larger than 2 GiB
            return np.frombuffer(self.content, np.uint8, buffer.size, buffer.offset)
        return None if buffer.data is None or not len(buffer.data) else np.asarray(buffer.data, np.uint8)


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def measure_cost(path: Path) -> Cost:
    """Bytes, parameters, non-zero parameters and multiply-accumulates of a model.

    Raises:
        EvaluationError: the file is not a LiteRT flatbuffer.
    """
    file = Flatbuffer(path)
    parameters = list(_parameters(file))
    return Cost(
        loaded_bytes=len(file.content),
        stored_bytes=len(packed(file.content)),
        zstd_bytes=len(compress_zstd(file.content)),
        parameters=sum(prod(tensor.shape) for tensor in parameters),
        nonzero=sum(_nonzero(file, tensor) for tensor in parameters),
        macs=sum(_macs(name, operation, graph) for name, operation, graph in file.operations()),
    )


def _parameters(file: Flatbuffer) -> Iterator[Any]:
    """The constants that operations compute with, each as often as it counts."""
    seen: set[int] = set()
    unpacked: dict[int, Any] = {}
    for name, operation, graph in file.operations():
        tensors = graph.tensors
        if name in {"DEQUANTIZE", "DENSIFY"} and _is_constant(file, tensors[operation.inputs[0]], unpacked):
            source = tensors[operation.inputs[0]]
            unpacked[id(tensors[operation.outputs[0]])] = unpacked.get(id(source), source)
            continue
        for position, index in enumerate(operation.inputs):
            if index < 0 or not _is_constant(file, tensors[index], unpacked):
                continue
            tensor = unpacked.get(id(tensors[index]), tensors[index])
            bias = position == BIAS and name in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
            if bias or (_is_computed_with(file, tensor) and id(tensor) not in seen):
                seen.add(id(tensor))
                yield tensor


def _is_constant(file: Flatbuffer, tensor: Any, unpacked: dict[int, Any]) -> bool:
    return id(tensor) in unpacked or file.bytes_of(tensor) is not None


def _is_computed_with(file: Flatbuffer, tensor: Any) -> bool:
    if prod(tensor.shape) <= 1:
        return False
    return "FLOAT" in file.type(tensor) or (file.type(tensor) in DTYPES | PACKED_BITS and _scales(tensor) is not None)


def _scales(tensor: Any) -> Any:
    quantization = tensor.quantization
    if quantization is None or (quantization.scale is None and quantization.details is None):
        return None
    return quantization


def _nonzero(file: Flatbuffer, tensor: Any) -> int:
    """Elements that stand for a value other than 0."""
    stored = file.bytes_of(tensor)
    if stored is None:
        return 0
    kind = file.type(tensor)
    if kind in PACKED_BITS:
        values = _unpack(stored, PACKED_BITS[kind], signed=kind.startswith("INT"))
    else:
        values = stored.view(DTYPES[kind])
    if kind == "BFLOAT16":
        values = values & 0x7FFF
    if tensor.sparsity is None:
        values = values[: prod(tensor.shape)].reshape(tensor.shape)
    return int(np.count_nonzero(values != _zero_points(tensor, values.shape)))


def _unpack(stored: NDArray[np.uint8], bits: int, signed: bool) -> NDArray[Any]:
    """Numbers of fewer than 8 bits, of which the first lies in the lowest bits of a byte."""
    parts = np.stack([stored >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)], axis=-1).reshape(-1)
    numbers = parts.astype(np.int16)
    return np.where(numbers >> (bits - 1), numbers - (1 << bits), numbers) if signed else numbers


def _zero_points(tensor: Any, shape: tuple[int, ...]) -> NDArray[Any] | int:
    """Return what is stored for 0, in a shape that broadcasts over the tensor's."""
    quantization = _scales(tensor)
    if quantization is None or quantization.zeroPoint is None or not np.any(quantization.zeroPoint):
        return 0
    points = np.asarray(quantization.zeroPoint)
    if points.size == 1:
        return int(points[0])
    along = [1] * len(shape)
    along[quantization.quantizedDimension] = points.size
    return points.reshape(along)


def _macs(name: str, operation: Any, graph: Any) -> int:
    """Multiply-accumulates of an operation for one sample: elements of its output × terms of each."""
    if name not in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"}:
        return 0
    left, right = (graph.tensors[index].shape for index in operation.inputs[:2])
    elements = prod(graph.tensors[operation.outputs[0]].shape)
    if name == "BATCH_MATMUL":
        terms = left[-2] if operation.builtinOptions.adjX else left[-1]
    elif name == "DEPTHWISE_CONV_2D":
        terms = prod(right[1:3])
    else:  # the kernel's first dimension is the output's last
        terms = prod(right[1:])
    batch = graph.tensors[graph.inputs[0]].shape[0] if len(graph.inputs) else 1
    return int(elements * terms // max(1, batch))
