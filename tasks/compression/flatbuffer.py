"""The constants of a ``.tflite`` file and the operators that use them."""

import copy
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.learning.flatbuffers import put_together, take_apart
from tasks.litert_types import Model, Operator, Tensor

INT4, INT2 = "int4", "int2"
PACKED = {INT4: 4, INT2: 2}  # bits of numbers of which several share a byte


@dataclass(frozen=True)
class Part:
    """The position of a weight, or of one piece of it, in a file.

    ``graph``, ``tensor``: numbers of the subgraph and of the constant in it. ``outputs``: the constant's dimension of
    output channels. ``order``: the weight's axes as the constant has them, those of size 1 left out or merged
    anyhow. ``axis``, ``piece``, ``pieces``: the constant is the piece with this number of so many equal ones, into
    which the weight is cut along ``axis``.
    """

    graph: int
    tensor: int
    outputs: int
    order: tuple[int, ...]
    axis: int = 0
    piece: int = 0
    pieces: int = 1

    def arranged(self, values: Array, shape: Sequence[int]) -> Array:
        """Return a weight's values as the constant, which has this shape, would hold them.

        Args:
            values: in the shape that Keras has.
            shape: of the constant.
        """
        cut = np.split(values, self.pieces, self.axis)[self.piece]
        return cut.transpose(self.order).reshape(shape)


def part_of(fields: Mapping[str, Any]) -> Part:
    """Return a part as it was written down.

    Args:
        fields: by name, as in a record.
    """
    return Part(**{**fields, "order": tuple(fields["order"])})


Places = Mapping[str, tuple[Part, ...]]  # by the path of a weight; of no parts where the file does not hold it as it is


@dataclass(frozen=True)
class Constant:
    """A weight as a file stores it.

    ``values``: in LiteRT's layout; ``outputs``: their dimension of output channels, the first but in a depthwise
    kernel, ``[1, height, width, outputs]``; ``zero_point``: what stands for 0; ``scales``: of the whole weight, of each
    channel along the dimension ``axis``, or of each block of a dense kernel's rows, row by row; none where values are
    stored as they are.
    """

    values: Array
    dtype: str
    zero_point: int
    scales: tuple[float, ...] = ()
    axis: int = 0
    outputs: int = 0

    def real(self) -> NDArray[np.float32]:
        """Return the values that are meant."""
        centered = self.values.astype(np.float32) - np.float32(self.zero_point)
        if not self.scales:
            return centered
        channels = centered.shape[self.axis]
        if len(self.scales) > channels:
            blocks = np.asarray(self.scales, np.float32).reshape(channels, -1)
            return centered * np.repeat(blocks, centered.shape[1] // blocks.shape[1], axis=1)
        along = [1] * centered.ndim
        along[self.axis] = len(self.scales)
        return centered * np.asarray(self.scales, np.float32).reshape(along)

    def bytes(self) -> int:
        """Return the bytes of the weights alone; several of fewer than 8 bits share one."""
        return -(-self.values.size * PACKED.get(self.dtype, 8 * self.values.itemsize) // 8)

    def sparsity(self) -> float:
        """Return the fraction of weights that are exactly 0."""
        return float(np.mean(self.values == self.zero_point))

    def clusters(self) -> int:
        """Return the most distinct values in any one output channel: scales differ by channel, or by row."""
        mixed = len(self.scales) > 1 and self.axis != self.outputs
        return max(
            len(np.unique(channel)) for channel in by_output(self.real() if mixed else self.values, self.outputs)
        )


def by_output(values: Array, outputs: int = 0) -> Array:
    """Return ``[outputs, rest]`` of a weight whose output channels lie along the dimension ``outputs``.

    Args:
        values: of the weight.
        outputs: the dimension.
    """
    moved = np.moveaxis(values, outputs, 0)
    return moved.reshape(len(moved), -1)


@dataclass(frozen=True)
class Use:
    """An operator that reads a constant: it is its input number ``slot``, and no scalar."""

    graph: int
    operator: int
    slot: int
    tensor: int
    code: int
    shape: tuple[int, ...]

    @property
    def role(self) -> tuple[Any, ...]:
        """Return what uses of the same kind have in common, in whatever type the constant is stored."""
        return self.graph, self.code, self.slot, self.shape

    @property
    def outputs(self) -> int:
        """The constant's dimension of output channels."""
        last = len(self.shape) - 1
        return min(last, _outputs().get(self.code, last))


@functools.cache
def _outputs() -> dict[int, int]:
    """Return the axis of the outputs by the code of an operator; others have their outputs last."""
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    first = (builtin.CONV_2D, builtin.FULLY_CONNECTED, builtin.TRANSPOSE_CONV, builtin.UNIDIRECTIONAL_SEQUENCE_LSTM)
    return {**dict.fromkeys(first, 0), builtin.DEPTHWISE_CONV_2D: 3}


def content(model: Model, tensor: Tensor) -> bytes:
    """Return what a tensor of the schema's object holds; nothing where it is computed.

    Args:
        model: the schema's object.
        tensor: of one of its graphs.
    """
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(data)


def store(model: Model, tensor: Tensor, values: Array) -> None:
    """Put other values into a tensor, and into no other tensor that shares its buffer.

    Args:
        model: the schema's object.
        tensor: of one of its graphs.
        values: in the tensor's type.
    """
    tensors = [other for graph in model.subgraphs for other in graph.tensors]
    if sum(other.buffer == tensor.buffer for other in tensors) > 1:  # equal constants are stored once
        model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)


class File:
    """A flatbuffer taken apart; ``model`` is the schema's object, which may be changed and written again.

    Constants that lie behind the flatbuffer, where ai-edge-quantizer puts those of larger models, are taken into it.
    """

    def __init__(self, flatbuffer: bytes) -> None:
        self.model = take_apart(flatbuffer)
        for buffer in self.model.buffers:
            if buffer.offset > 1:  # 0 and 1 mean that there is none
                buffer.data = np.frombuffer(flatbuffer, np.uint8, buffer.size, buffer.offset)
                buffer.offset = buffer.size = 0

    def write(self) -> bytes:
        """Return the flatbuffer of the object as it is now."""
        return put_together(self.model)

    def tensor(self, graph: int, number: int) -> Tensor:
        """Return the schema's object of a tensor.

        Args:
            graph: its number.
            number: of the tensor in the graph.
        """
        return self.model.subgraphs[graph].tensors[number]

    def content(self, tensor: Tensor) -> bytes:
        """Return what a tensor holds; see :func:`content`.

        Args:
            tensor: of one of the graphs.
        """
        return content(self.model, tensor)

    def store(self, tensor: Tensor, values: Array) -> None:
        """Put other values into a tensor; see :func:`store`.

        Args:
            tensor: of one of the graphs.
            values: in the tensor's type.
        """
        store(self.model, tensor, values)

    def code(self, operator: Operator) -> int:
        """Return which operation an operator is.

        Args:
            operator: of one of the graphs.
        """
        return int(self.model.operatorCodes[operator.opcodeIndex].builtinCode)

    def uses(self) -> tuple[Use, ...]:
        """Return all uses of constants but scalars, in the order in which operators are carried out.

        A constant that is stored as float16 is read through a DEQUANTIZE operator, which counts for nothing.
        """
        return tuple(use for number in range(len(self.model.subgraphs)) for use in self._uses(number))

    def _uses(self, number: int) -> Iterable[Use]:
        from ai_edge_litert import schema_py_generated as schema

        graph = self.model.subgraphs[number]
        behind = {}
        for place, operator in enumerate(graph.operators or ()):
            code = self.code(operator)
            if code == schema.BuiltinOperator.DEQUANTIZE and self.content(graph.tensors[operator.inputs[0]]):
                behind[int(operator.outputs[0])] = int(operator.inputs[0])
                continue
            for slot, index in enumerate(operator.inputs if operator.inputs is not None else ()):
                held = behind.get(int(index), int(index))
                tensor = graph.tensors[held] if held >= 0 else None
                if tensor is not None and tensor.shape is not None and len(tensor.shape) and self.content(tensor):
                    yield Use(number, place, slot, held, code, tuple(int(size) for size in tensor.shape))

    def constant(self, graph: int, number: int, outputs: int = 0) -> Constant:
        """A constant as it is stored."""
        tensor = self.tensor(graph, number)
        values, dtype = _stored(self.content(tensor), tensor)
        scales, zero_points, axis = self._steps(graph, tensor)
        zero_point = int(zero_points[0]) if len(zero_points) else 0
        return Constant(values, dtype, zero_point, tuple(float(scale) for scale in scales), axis, outputs)

    def _steps(self, graph: int, tensor: Tensor) -> tuple[Any, Any, int]:
        """Scales, zero points and the dimension along which there are several of them."""
        quantization = tensor.quantization
        if quantization is None:
            return (), (), 0
        if hasattr(quantization.details, "scales"):  # of blocks, in a tensor of their own
            scales = self.tensor(graph, quantization.details.scales)
            return np.ravel(_stored(self.content(scales), scales)[0]).astype(np.float32), (), 0
        scale = quantization.scale if quantization.scale is not None else ()
        zero_points = quantization.zeroPoint if quantization.zeroPoint is not None else ()
        return scale, zero_points, int(quantization.quantizedDimension)


def _stored(content: bytes, tensor: Tensor) -> tuple[Array, str]:
    """Values and the name of their type."""
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name.lower() for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
    name = names[tensor.type]
    if name in PACKED:  # the first of several in the lowest bits of a byte
        bits, stored = PACKED[name], np.frombuffer(content, np.uint8)
        parts = [stored >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)]
        every = np.stack(parts, axis=-1).reshape(-1)[: int(np.prod(tensor.shape))]
        sign = 1 << bits - 1
        return ((every ^ sign).astype(np.int8) - np.int8(sign)).reshape(tensor.shape), name
    dtype = np.dtype(name)
    return np.frombuffer(content, dtype).reshape(tensor.shape), dtype.name


def in_half_bytes(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return integers of 4 bits as a file stores them: two in a byte, the first in its lower half.

    Args:
        values: −8 to 7, of any shape.
    """
    return _packed(values, 4)


def in_quarter_bytes(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return integers of 2 bits as a file stores them: four in a byte, the first in its lowest bits.

    Args:
        values: −2 to 1, of any shape.
    """
    return _packed(values, 2)


def _packed(values: NDArray[np.int8], bits: int) -> NDArray[np.uint8]:
    each = 8 // bits
    flat = np.append(values.reshape(-1), np.zeros(-values.size % each, np.int8)).astype(np.uint8) & (1 << bits) - 1
    return np.asarray(sum(flat[place::each] << bits * place for place in range(each)), np.uint8)


def read_constants(flatbuffer: bytes, places: Places) -> dict[str, tuple[Constant, ...]]:
    """Return the constants of each weight that is in a file: one, or the copies that different operators use.

    Pieces of a weight are joined.

    Args:
        flatbuffer: of the file.
        places: the parts of each weight, by its path.
    """
    file = File(flatbuffer)
    found = {}
    for path, parts in places.items():
        pieces: dict[int, list[Constant]] = {}
        for part in dict.fromkeys(parts):
            pieces.setdefault(part.piece, []).append(file.constant(part.graph, part.tensor, part.outputs))
        if pieces:
            found[path] = tuple(_joined(each) for each in zip(*(pieces[key] for key in sorted(pieces)), strict=False))
    return found


def _joined(pieces: Sequence[Constant]) -> Constant:
    if len(pieces) == 1:
        return pieces[0]
    outputs = pieces[0].outputs
    scales = [
        np.broadcast_to(piece.scales, piece.values.shape[outputs]) if len(piece.scales) == 1 else piece.scales
        for piece in pieces
    ]
    return Constant(
        np.concatenate([piece.values for piece in pieces], axis=outputs),
        "+".join(sorted({piece.dtype for piece in pieces})),
        pieces[0].zero_point,
        tuple(float(scale) for each in scales for scale in each),
        outputs,
        outputs,
    )
