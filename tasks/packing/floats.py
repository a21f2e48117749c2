"""Codes scales: those of biases from what they are the products of, others from those that were there before."""

import struct
from collections.abc import Sequence

import numpy as np

from tasks.packing.symbols import Context, Symbols

RECENT = 64  # floats that are remembered
MANTISSA = 23  # bits


class Floats:
    """Codes 32-bit floats as their bits."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._recent: list[int] = []
        self._exponent = 0

    def code(self, kind: Context, values: Sequence[int], count: int, expected: Sequence[int] = ()) -> list[int]:
        """Code floats by their bits.

        Args:
            kind: which floats these are: each kind has predictions of its own.
            values: their bits; empty in decoding.
            count: of floats.
            expected: bits that they may have.

        Returns:
            their bits.
        """
        found: list[int] = []
        if len(expected) == count and self._symbols.flag([(kind, "as expected")], list(values) == list(expected)):
            return list(expected)
        recency = 0
        for index in range(count):
            value = values[index] if values else 0
            recency = self._recency(kind, value, recency)
            value = self._recent.pop(recency - 1) if recency else self._new(kind, value)
            self._recent.insert(0, value)
            del self._recent[RECENT:]
            found.append(value)
        return found

    def _recency(self, kind: Context, value: int, before: int) -> int:
        """Return where among the recent ones it is, from 1; 0 for a new one."""
        recency = self._recent.index(value) + 1 if value in self._recent else 0
        recency = self._symbols.number([(kind, "place"), (kind, "place", min(before, 2))], recency)
        return recency if recency <= len(self._recent) else 0

    def _new(self, kind: Context, value: int) -> int:
        exponent = self._symbols.byte([(kind, "exponent"), (kind, "exponent", self._exponent)], value >> MANTISSA & 255)
        self._exponent = exponent
        sign = self._symbols.flag([(kind, "sign")], bool(value >> 31))
        return sign << 31 | exponent << MANTISSA | self._symbols.raw(MANTISSA, value & (1 << MANTISSA) - 1)


def to_bits(data: bytes) -> list[int]:
    """Return the bits of packed floats, a whole number each.

    Args:
        data: float32, little-endian.
    """
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def from_bits(bits: Sequence[int]) -> bytes:
    """Return packed floats.

    Args:
        bits: of each, as :func:`to_bits` gives them.
    """
    return struct.pack(f"<{len(bits)}I", *bits)


def products(left: bytes, right: bytes) -> list[int]:
    """Return the bits of the products of a single packed float with others; none where the first is not a single one.

    Args:
        left: the single one.
        right: the others.
    """
    with np.errstate(all="ignore"):
        one, other = np.frombuffer(left, "<f4"), np.frombuffer(right, "<f4")
        if len(one) != 1:
            return []
        found = one * other
    return to_bits(found.astype("<f4").tobytes())
