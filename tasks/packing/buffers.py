"""Codes what buffers hold, each kind of constant in its own way: kernels, biases, anything else as bytes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import PackingError
from tasks.packing import schema
from tasks.packing.interleaved_rans import Numbers
from tasks.packing.kernels import Kernels, Shape, find_stride
from tasks.packing.rans import Coder
from tasks.packing.sections import Sections
from tasks.packing.symbols import Symbols
from tasks.packing.vectorized import Layout

PATIENCE = 600_000  # decisions that are mixed one by one in a whole file: some seconds
LARGE = 1 << 10  # bytes from which on numpy is worth its lanes
NARROW, WIDE = 0, 1  # ways to code a buffer
KERNELS = {schema.INT8, schema.UINT8, schema.INT4}


class Buffers:
    """Codes one buffer after the other.

    Args:
        coder: takes or gives the decisions.
        symbols: codes the numbers in between.
        sections: takes or gives what large buffers are coded to.
        decoding: whether values come out of the coder.
    """

    def __init__(self, coder: Coder, symbols: Symbols, sections: Sections, decoding: bool) -> None:
        self._symbols = symbols
        self._kernels = Kernels(coder)
        self._sections = sections
        self._decoding = decoding
        self._patience = PATIENCE

    def code(self, constant: schema.Constant | None, count: int, given: bytes) -> bytes:
        """Code the content of a buffer.

        Args:
            constant: that lies in the buffer; None where no tensor names it.
            count: bytes.
            given: the content; empty in decoding.

        Returns:
            the content.
        """
        if constant is None or not count or constant.bytes != count or count % constant.size:
            return self._bytes(count, given) if count < LARGE else self._sections.code(count, given, Layout(1, (4, 8)))
        if constant.type == schema.INT32 and count < LARGE:
            return self._integers(count // 4, given)
        way = self._symbols.number([("way", constant.type)], 0 if self._decoding else self._choose(constant, given))
        if way == WIDE:
            return self._wide(constant, count, given)
        return self._narrow(constant, count, given)

    def _choose(self, constant: schema.Constant, given: bytes) -> int:
        numbers = to_numbers(constant, given)
        return WIDE if decisions(constant, numbers) > self._patience and len(given) >= LARGE else NARROW

    def _narrow(self, constant: schema.Constant, count: int, given: bytes) -> bytes:
        total = count * 2 if constant.type == schema.INT4 else count // constant.size
        if count >= LARGE and total > self._patience:  # before memory is taken for as many
            raise PackingError(
                f"Expected a buffer of up to {max(0, self._patience):,} numbers that are coded one by one. "
                f"Received: one of {total:,}; the content is damaged."
            )
        levels = levels_of(constant, total)
        columns = total // len(levels)
        numbers = to_numbers(constant, given).tolist() if given else None
        stride = 1 + self._symbols.number([("stride")], find_stride(numbers, columns) - 1 if numbers else 0)
        if stride > max(1, columns):
            raise PackingError(f"Expected a stride within {columns} columns. Received: {stride}.")
        size = 1 if constant.type in KERNELS else constant.size
        found = self._kernels.code(Shape(columns, stride, levels.tolist(), size), numbers)
        self._patience -= decisions(constant, np.array(found))
        return from_numbers(constant, found)

    def _wide(self, constant: schema.Constant, count: int, given: bytes) -> bytes:
        elements = count // constant.size
        levels, last = levels_of(constant, elements), constant.shape[-1] if constant.shape else 1
        columns = elements // len(levels)
        return self._sections.code(elements, given, Layout(constant.size, (last, columns), levels, columns))

    def _integers(self, count: int, given: bytes) -> bytes:
        values = np.frombuffer(given, "<i4").tolist() if given else []
        found: list[int] = []
        bits = 0
        for index in range(count):
            value = self._symbols.signed([("integer"), ("integer", bits)], values[index] if values else 0)
            if not -(1 << 31) <= value < 1 << 31:
                raise PackingError(f"Expected numbers of 4 bytes. Received: {value}.")
            bits = value.bit_length()
            found.append(value)
        return np.array(found, "<i4").tobytes()

    def _bytes(self, count: int, given: bytes) -> bytes:
        found = bytearray(4)
        for index in range(count):
            contexts = [("byte"), ("byte", found[-4], index % 4), ("byte", found[-1])]
            found.append(self._symbols.byte(contexts, given[index] if given else 0))
        return bytes(found[4:])


def decisions(constant: schema.Constant, numbers: NDArray[Any]) -> int:
    """Return how many decisions it takes to code numbers one by one.

    Args:
        constant: that they are of.
        numbers: its elements, ``[n]``.
    """
    return len(numbers) + (1 + 8 * constant.size) * int(np.count_nonzero(numbers))


def levels_of(constant: schema.Constant, count: int) -> NDArray[np.int32]:
    """Return for each output channel the number of its scale among the different ones, int32 ``[channels]``.

    Args:
        constant: whose rows these are.
        count: of its elements.
    """
    rows = constant.shape[0] if constant.shape else 1
    if len(constant.shape) == 4 and rows == 1:  # depthwise: the channels come last
        rows = count // (constant.shape[-1] or 1)
    if rows < 1 or count % rows:
        return np.zeros(1, np.int32)
    if len(constant.scales) != 4 * rows:
        return np.zeros(rows, np.int32)
    scales = [constant.scales[at : at + 4] for at in range(0, len(constant.scales), 4)]
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(scale, len(seen)) for scale in scales], np.int32)


def to_numbers(constant: schema.Constant, data: bytes) -> Numbers:
    """Return the elements of a constant as whole numbers, int64 ``[n]``; of floats these are their bits.

    Of elements of 4 bits two share a byte, the lower half first.

    Args:
        constant: that the bytes are of.
        data: as the buffer holds them.
    """
    if constant.type == schema.INT8:
        return np.frombuffer(data, np.int8).astype(np.int64)
    if constant.type != schema.INT4:
        return np.frombuffer(data, f"<u{constant.size}").astype(np.int64)
    pairs = np.frombuffer(data, np.uint8).astype(np.int64)
    return ((np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(-1) + 8) & 15) - 8


def from_numbers(constant: schema.Constant, numbers: list[int]) -> bytes:
    """Return a constant's bytes.

    Args:
        constant: that the numbers are of.
        numbers: as :func:`to_numbers` gives them.
    """
    bits = schema.BITS[constant.type]
    stored = np.array([number & (1 << bits) - 1 for number in numbers], np.uint64)
    if constant.type == schema.INT4:
        stored = stored[::2] | stored[1::2] << np.uint64(4)
    return stored.astype(f"<u{constant.size}").tobytes()
