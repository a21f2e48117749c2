"""A file like many: what the model of structure has seen before it sees the first one.

A small int8 network with the operators that image networks are made of, in the form that :mod:`tasks.compression.strip`
leaves. It decides about the coded bytes: a change of it is a change of the format.
"""

from collections.abc import Sequence

import numpy as np

from tasks.packing import schema
from tasks.packing.tree import Node, Scalar, Table, Tables, Text, Vector

CODES = {"quantize": (114, 1), "conv": (3, 3), "pool": (17, 2), "depthwise": (4, 3), "add": (0, 2), "mean": (40, 2)}
CODES |= {"reshape": (22, 1), "dense": (9, 4)}  # builtin code and version
CONV: Node = Table({0: Scalar(1, 1), 1: Scalar(4, 1), 2: Scalar(4, 1), 3: Scalar(1, 1)})
SAME: Node = Table({1: Scalar(4, 1), 2: Scalar(4, 1), 3: Scalar(1, 1)})
PLAIN: Node = Table({1: Scalar(4, 1), 2: Scalar(4, 1)})
POOL: Node = Table({0: Scalar(1, 1), **{slot: Scalar(4, 2) for slot in range(1, 5)}})
DEPTHWISE: Node = Table({1: Scalar(4, 1), 2: Scalar(4, 1), 3: Scalar(4, 1), 4: Scalar(1, 1)})
ACTIVE: Node = Table({0: Scalar(1, 1)})
NOTHING: Node = Table()


class PriorBuilder:
    """Builds the tree, operator by operator."""

    def __init__(self) -> None:
        self._tensors: list[Node] = []
        self._operators: list[Node] = []
        self._codes: list[str] = []
        self._buffers: list[Node] = [Table()]

    def computed(self, *shape: int, kind: int = schema.INT8) -> int:
        """Add a tensor that is computed, or the input.

        Args:
            shape: of the tensor.
            kind: its type in the schema.

        Returns:
            its number.
        """
        return self._tensor(shape, kind, 1, None)

    def constant(self, *shape: int, kind: int = schema.INT8, scales: int = 0, axis: int = 0) -> int:
        """A constant, with so many scales."""
        count = schema.Constant(kind, shape, b"").bytes
        self._buffers.append(Table({0: Vector(1, bytes(count))}))
        return self._tensor(shape, kind, scales, len(self._buffers) - 1, axis)

    def _tensor(self, shape: Sequence[int], kind: int, scales: int, buffer: int | None, axis: int = 0) -> int:
        fields: dict[int, Node] = {schema.SHAPE: _ints(shape), schema.TYPE: Scalar(1, kind)}
        if buffer is not None:
            fields[schema.BUFFER] = Scalar(4, buffer)
        if scales:
            zero = -128 if kind == schema.INT8 and buffer is None else 0
            points = np.full(scales, zero, "<i8").tobytes()
            details: dict[int, Node] = {2: Vector(4, bytes(4 * scales)), 3: Vector(8, points)}
            fields[schema.QUANTIZATION] = Table(details | ({6: Scalar(4, axis)} if axis else {}))
        self._tensors.append(Table({**fields, 8: Scalar(1, 1)}))
        return len(self._tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], output: int, union: int = 0, options: Node = NOTHING) -> int:
        """Add an operator.

        Args:
            name: of its code.
            inputs: numbers of tensors.
            output: number of a tensor.
            union: type of the options in the schema.
            options: of the operator.

        Returns:
            the number of its output.
        """
        if name not in self._codes:
            self._codes.append(name)
        number = self._codes.index(name)
        fields: dict[int, Node] = {0: Scalar(4, number)} if number else {}
        fields |= {1: _ints(inputs), 2: _ints([output])}
        self._operators.append(Table(fields | ({3: Scalar(1, union), 4: options} if union else {})))
        return output

    def layer(self, before: int, channels: int, shape: Sequence[int], after: Sequence[int], options: Node) -> int:
        """Add a convolution, or a dense layer where the kernel has two dimensions.

        Args:
            before: number of the input.
            channels: of the output.
            shape: of the kernel.
            after: shape of the output.
            options: of the operator.

        Returns:
            the number of its output.
        """
        kernel = self.constant(*shape, scales=channels)
        bias = self.constant(channels, kind=schema.INT32, scales=channels)
        name, union = ("dense", 8) if len(shape) == 2 else ("conv", 1)
        return self.operator(name, [before, kernel, bias], self.computed(*after), union, options)

    def finish(self, output: int) -> Table:
        """Return the whole file.

        Args:
            output: number of the network's output.
        """
        codes: list[Node] = []
        for name in self._codes:
            code, version = CODES[name]
            fields: dict[int, Node] = {0: Scalar(1, code), 3: Scalar(4, code)} if code else {}
            codes.append(Table(fields | ({2: Scalar(4, version)} if version > 1 else {})))
        graph = {0: Tables(self._tensors), 1: _ints([0]), 2: _ints([output]), 3: Tables(self._operators)}
        image, logits = Table({0: Text(b"image")}), Table({0: Text(b"logits"), 1: Scalar(4, output)})
        signature = Table({0: Tables([image]), 1: Tables([logits]), 2: Text(b"serving_default")})
        return Table(
            {
                0: Scalar(4, 3),
                1: Tables(codes),
                2: Tables([Table(dict(graph))]),
                4: Tables(self._buffers),
                7: Tables([signature]),
            }
        )


def _ints(values: Sequence[int]) -> Node:
    return Vector(4, np.array(values, "<i4").tobytes())


def prior() -> Table:
    """Return the tree of the network."""
    made = PriorBuilder()
    at = made.operator("quantize", [made.computed(1, 32, 32, 3, kind=schema.UINT8)], made.computed(1, 32, 32, 3))
    at = made.layer(at, 32, (32, 3, 3, 3), (1, 30, 30, 32), CONV)
    at = made.operator("pool", [at], made.computed(1, 15, 15, 32), 5, POOL)
    at = made.layer(at, 64, (64, 3, 3, 32), (1, 13, 13, 64), CONV)
    at = made.operator("pool", [at], made.computed(1, 6, 6, 64), 5, POOL)
    left = made.layer(at, 64, (64, 3, 3, 64), (1, 6, 6, 64), SAME)
    right = made.layer(left, 64, (64, 1, 1, 64), (1, 6, 6, 64), PLAIN)
    at = made.operator("add", [left, right], made.computed(1, 6, 6, 64), 11, ACTIVE)
    kernel = made.constant(1, 3, 3, 64, scales=64, axis=3)
    bias = made.constant(64, kind=schema.INT32, scales=64)
    at = made.operator("depthwise", [at, kernel, bias], made.computed(1, 6, 6, 64), 2, DEPTHWISE)
    at = made.operator("mean", [at, made.constant(2, kind=schema.INT32)], made.computed(1, 64), 27)
    at = made.operator("reshape", [at, made.constant(2, kind=schema.INT32)], made.computed(1, 2304))
    at = made.layer(at, 64, (64, 2304), (1, 64), ACTIVE)
    return made.finish(made.layer(at, 10, (10, 64), (1, 10), NOTHING))
