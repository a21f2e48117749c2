"""Codes small integers with many zeros and few levels: quantized kernels, one number after the other.

As in DeepCABAC (Wiedemann et al. 2020, arXiv:1907.11900) and ISO/IEC 15938-17 a number is a flag for other than zero, a
sign and a magnitude, each coded in the context of neighbours. Here every decision mixes several contexts: neighbours in
the row (an output channel), the rows above, the same position in the rows so far, the row as a whole, and for
magnitudes those of rows with the same scale, which share their levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.packing.context_mixing import Mixer
from tasks.packing.rans import Coder

MAGNITUDE = 8  # bits


@dataclass(frozen=True)
class Shape:
    """The layout of a tensor's numbers.

    ``columns``: numbers of each row. ``stride``: distance of neighbours that resemble each other beside the next, such
    as those of the same input channel. ``levels``: for each row the number of its scale; equal scales, equal levels.
    ``size``: bytes of an element; numbers of more than one have no sign and are coded byte by byte.
    """

    columns: int
    stride: int
    levels: Sequence[int]
    size: int = 1


class Kernels:
    """Codes tensors of numbers from −256 to 255, one after the other; each learns from those before.

    Args:
        coder: takes or gives the decisions.
    """

    def __init__(self, coder: Coder) -> None:
        self._zeros = Mixer(coder, limit=80, rate=3)
        self._values = Mixer(coder, limit=80, rate=10)
        self._tensor = 0

    def code(self, shape: Shape, given: Sequence[int] | None) -> list[int]:
        """Code a tensor row by row, or decode it.

        Args:
            shape: rows, columns and levels.
            given: its numbers; None in decoding.

        Returns:
            its numbers.
        """
        self._tensor += 1
        columns, stride, own = shape.columns, shape.stride, self._tensor << 48
        found: list[int] = []
        sizes: list[int] = [0] * columns * 2  # magnitudes, two rows of zeros in front
        counts = [0] * columns  # numbers other than zero in each column so far
        classes = [0] * stride
        for row, level in enumerate(shape.levels):
            dense = recent = last = 0
            for column in range(columns):
                at = len(sizes)
                left = sizes[-1] if column else 0
                left2 = sizes[-2] if column > 1 else 0
                far = sizes[-stride] if column >= stride else 0
                far2 = sizes[-2 * stride] if column >= 2 * stride else 0
                above, above2 = sizes[at - columns], sizes[at - 2 * columns]
                density = (dense << 4) // (column + 1)
                used = (counts[column] << 4) // (row + 1)
                kind = classes[column % stride] * 24 // (row * (columns // stride) + column // stride + 1)
                contexts = [
                    own | 1 << 40 | row,
                    2 << 40 | (left > 0) << 12 | (left2 > 0) << 11 | (far > 0) << 10 | (far2 > 0) << 9 | density,
                    3 << 40 | (above > 0) << 12 | (above2 > 0) << 11 | used << 4 | min(row, 15),
                    4 << 40 | used << 12 | density << 4 | (left > 0) << 1 | (far > 0),
                    5 << 40 | kind << 12 | min(recent.bit_count(), 15) << 4 | (above > 0),
                    own | 6 << 40 | column,
                ]
                value = given[row * columns + column] if given is not None else 0
                if self._zeros.code(contexts, used >> 1, value != 0):
                    if shape.size == 1:
                        value = self._value(value, own, row, level, last, above or far)
                    else:
                        value = self._bytes(value, own, shape.size)
                    last = value
                    dense += 1
                    counts[column] += 1
                    classes[column % stride] += 1
                    recent = (recent << 1 | 1) & 0xFFFF
                else:
                    value = 0
                    recent = recent << 1 & 0xFFFF
                sizes.append(abs(value))
                found.append(value)
        return found

    def _value(self, value: int, own: int, row: int, level: int, last: int, near: int) -> int:
        code = self._values.code
        negative = code([own | 1 << 40 | row, 2 << 40 | (last < 0) << 1 | (last > 0), own | 3 << 40], 0, value < 0)
        side = negative << 20
        bases = [
            own | 4 << 40,
            own | 5 << 40 | side,
            own | 6 << 40 | level << 24,
            own | 7 << 40 | level << 24 | side,
            own | 8 << 40 | abs(last) << 24,
            9 << 40 | near.bit_length() << 24,
        ]
        size, node = abs(value) - 1, 1
        for left in range(MAGNITUDE - 1, -1, -1):
            bit = code([base | node for base in bases], MAGNITUDE - left, size >> left & 1)
            node = node << 1 | bit
        size = (node & 255) + 1
        return -size if negative else size

    def _bytes(self, value: int, own: int, size: int) -> int:
        """Code the bytes of a number from the highest, each in the context of those above."""
        found = 0
        for byte in range(size - 1, -1, -1):
            bases = [
                own | 10 + byte << 40,
                own | 18 + byte << 40 | (found & 255) << 24,
                own << 40 | 26 + byte << 80 | found << 24,
            ]
            node = 1
            for left in range(7, -1, -1):
                contexts = [base | node for base in bases]
                node = node << 1 | self._values.code(contexts, 16 + byte, value >> 8 * byte + left & 1)
            found = found << 8 | node & 255
        return found


def find_stride(values: Sequence[int], columns: int) -> int:
    """Return the distance up to 256 at which zeros and others agree most.

    It is that of the numbers of one input channel after another.

    Args:
        values: of the kernel, row by row.
        columns: of a row.
    """
    best, most = 1, -1.0
    flags = [value != 0 for value in values]
    for stride in range(2, min(257, columns)):
        if columns % stride:
            continue
        agree = sum(map(bool.__and__, flags[stride:], flags[:-stride]))
        share = agree / max(1, len(flags) - stride)
        if share > 1.01 * most:  # a multiple of the stride may agree a little better by chance
            best, most = stride, share
    return best
