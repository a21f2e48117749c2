"""The cost of a model, whatever it runs on: read from the flatbuffer, without running or loading it.

Bytes are always two numbers: as the runtime loads the file, and as it is stored and downloaded
(:func:`tasks.packing.container.pack`, the very bytes that a release holds), beside them what zstd alone would store.

A *parameter* is an element of a constant that operations compute with: kernels, biases, embedding tables, the
constants of a normalization. Shapes, axes and paddings are integers without a quantization and do not count,
nor do single numbers such as a rescaling, nor the scales and zero points of the quantization. A kernel that
two operations share counts once, a bias each time, since the converter merges equal biases. An element is
*non-zero* if the value it stands for is: an int8 zero is what is stored as the zero point.

All graphs of a file count: those that it calls, and those of further signatures. The body of a loop counts as often as
its counter says, once where that is not a number in the file; of two branches both count.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.evaluation.file import DTYPES, PACKED_BITS, Flatbuffer
from tasks.evaluation.macs import measure_macs
from tasks.evaluation.records import Cost
from tasks.litert_types import Quantization, Tensor
from tasks.packing.pack_cache import packed
from tasks.packing.zstd import compress_zstd

BIAS = 2  # its position among the inputs of a convolution and a fully connected layer


def measure_cost(path: Path, assets: int = 0) -> Cost:
    """Measure bytes, parameters, non-zero parameters and multiply-accumulates of a model.

    Args:
        path: of the model.
        assets: bytes of what a device needs beside it, as a vocabulary; they are stored, too.

    Returns:
        the cost of the file as it is.

    Raises:
        EvaluationError: the file is not a LiteRT flatbuffer.
    """
    file = Flatbuffer(path)
    parameters = list(_parameters(file))
    return Cost(
        loaded_bytes=len(file.content),
        stored_bytes=len(packed(file.content)) + assets,
        assets_bytes=assets,
        zstd_bytes=len(compress_zstd(file.content)),
        parameters=sum(prod(tensor.shape) for tensor in parameters),
        nonzero=sum(_nonzero(file, tensor) for tensor in parameters),
        macs=measure_macs(file),
    )


def _parameters(file: Flatbuffer) -> Iterator[Tensor]:
    """The constants that operations compute with, each as often as it counts."""
    seen: set[int] = set()
    unpacked: dict[int, Tensor] = {}
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


def _is_constant(file: Flatbuffer, tensor: Tensor, unpacked: dict[int, Tensor]) -> bool:
    return id(tensor) in unpacked or file.bytes_of(tensor) is not None


def _is_computed_with(file: Flatbuffer, tensor: Tensor) -> bool:
    if prod(tensor.shape) <= 1:
        return False
    return "FLOAT" in file.type(tensor) or (file.type(tensor) in DTYPES | PACKED_BITS and _scales(tensor) is not None)


def _scales(tensor: Tensor) -> Quantization | None:
    quantization = tensor.quantization
    if quantization is None or (quantization.scale is None and quantization.details is None):
        return None
    found: Quantization = quantization
    return found


def _nonzero(file: Flatbuffer, tensor: Tensor) -> int:
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


def _zero_points(tensor: Tensor, shape: tuple[int, ...]) -> NDArray[Any] | int:
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
