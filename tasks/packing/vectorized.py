"""The models of large tensors, for all lanes at once: each lane codes a part of the tensor, all learn together."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tasks.packing.interleaved_rans import Bits, InterleavedCoder, Numbers

BYTES_A_LANE = 1024  # before they are coded; a lane costs 3 of them
LANES = 1024  # at most
OFTEN = 1 << 15  # sights after which those of a context count half
SCALES = 1 << 12  # that are told apart
SURE = 32  # least probability, of 65536
Bytes = NDArray[np.uint8]
POPULATION = np.array([bits.bit_count() for bits in range(1 << 12)], np.int64)
ONE = 16  # a mean magnitude of 1 as a whole number
SIZES = np.array([part << at for at in range(2, 12) for part in (2, 3)], np.int64)  # of means, two an octave


def lanes_for(count: int, size: int) -> int:
    """Return how many lanes code so many numbers.

    Args:
        count: of numbers.
        size: bytes of each.
    """
    return max(1, min(LANES, count * size // BYTES_A_LANE))


def turns_for(count: int, size: int) -> int:
    """Return how often all lanes decide something at most, which is what coding takes time for: 20 to 60 µs each.

    Args:
        count: of numbers.
        size: bytes of each.
    """
    return -(-count // lanes_for(count, size)) * (1 + 8 * size)


class Learner:
    """Probabilities by context, counted over all lanes."""

    def __init__(self, coder: InterleavedCoder, contexts: int) -> None:
        self._coder = coder
        self._seen = np.zeros((2, contexts), np.int64)

    def code(self, active: Numbers, contexts: Numbers, bits: Bits) -> Bits:
        """Code a bit for each of some lanes.

        Args:
            active: the numbers of these lanes.
            contexts: the number of a context for each.
            bits: of no account in decoding.

        Returns:
            the bits.
        """
        zeros, ones = self._seen[0][contexts], self._seen[1][contexts]
        one = ((2 * ones + 1) << 16) // (2 * (zeros + ones) + 2)
        found = self._coder.code(active, np.clip(one, SURE, 65536 - SURE), bits)
        np.add.at(self._seen, (found.astype(np.int64), contexts), 1)
        often = contexts[zeros + ones > OFTEN]
        if len(often):
            self._seen[:, np.unique(often)] //= 2
        return found

    def tree(self, active: Numbers, base: Numbers, values: Numbers) -> Numbers:
        """Code a number of 8 bits for each of some lanes, the highest bit first.

        Args:
            active: the numbers of these lanes.
            base: the number of a context for each.
            values: of no account in decoding.

        Returns:
            the numbers.
        """
        node = np.ones(len(active), np.int64)
        for left in range(7, -1, -1):
            bit = self.code(active, (base << 8) + node, (values >> left & 1).astype(bool))
            node = node << 1 | bit
        return node & 255


class ContextKind(IntEnum):
    """Contexts of elements, beside whether those around them are zero."""

    NEIGHBOUR = 0  # the sign of the one before
    ROW = 1  # how large those of a row are, and how many are zero: bytes of layers that have one scale for all rows
    SCALE = 2  # the values of rows with one scale, and lower bytes below the same upper ones: few different values


def context_kinds(size: int) -> tuple[ContextKind, ...]:
    """Return what elements may have in common.

    Args:
        size: bytes of each.
    """
    return tuple(ContextKind) if size == 1 else (ContextKind.NEIGHBOUR, ContextKind.SCALE)


@dataclass(frozen=True)
class Layout:
    """The layout of a tensor's elements: ``size`` bytes each, zero as those at the ``strides`` beside 1 and 2.

    ``levels``: for each row, of ``columns`` elements, the number of its scale; ``start``: where among them the part
    begins; ``context``: what an element is predicted from.
    """

    size: int
    strides: tuple[int, int]
    levels: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    columns: int = 1
    start: int = 0
    context: ContextKind = ContextKind.NEIGHBOUR

    def rows(self, positions: Numbers) -> Numbers:
        """Return the row of each of some positions.

        Args:
            positions: in the part, ``[n]``.
        """
        return np.minimum((positions + self.start) // max(1, self.columns), len(self.levels) - 1)

    def level(self, positions: Numbers) -> Numbers:
        """Return the number of the scale at each of some positions, of a number that is bounded.

        Args:
            positions: in the part, ``[n]``.
        """
        return self.levels[self.rows(positions)].astype(np.int64) % SCALES


class Rows:
    """The magnitudes of each row's elements, as far as they are known in any lane."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._total, self._seen = np.zeros((2, len(layout.levels)), np.int64)

    def sizes(self, positions: Numbers) -> Numbers:
        """Return the octave, in halves, of the mean magnitude of the row at each position; one seen as 8 at first.

        Args:
            positions: in the part, ``[n]``.
        """
        rows = self._layout.rows(positions)
        return np.searchsorted(SIZES, ONE * (self._total[rows] + 8) // (self._seen[rows] + 1), side="right")

    def add(self, positions: Numbers, elements: Bytes) -> None:
        """Learn from elements of a byte each.

        Args:
            positions: in the part, ``[n]``.
            elements: the bits of int8, uint8 ``[n]``.
        """
        rows = self._layout.rows(positions)
        np.add.at(self._total, rows, np.abs(elements.view(np.int8).astype(np.int64)))
        np.add.at(self._seen, rows, 1)


def code_elements(coder: InterleavedCoder, count: int, given: Bytes | None, layout: Layout) -> Bytes:
    """Code elements: other than zero or not in the context of neighbours, then their bytes as trees.

    Args:
        coder: takes or gives the decisions.
        count: elements.
        given: them, ``[count, size]``, little-endian; None in decoding.
        layout: how they lie.

    Returns:
        the elements, ``[count, size]``.
    """
    lanes, size = coder.lanes, layout.size
    steps = -(-count // lanes)
    values = _in_lanes(given, steps, lanes, size)
    strides = [stride if 0 < stride < steps else 1 for stride in layout.strides]
    before = max(2, *strides)
    found = np.zeros((steps + before, lanes, size), np.uint8)
    by_row, by_scale = layout.context is ContextKind.ROW, layout.context is ContextKind.SCALE
    flags = Learner(coder, max(13, len(SIZES) + 1) << 4)
    scales = min(SCALES, 1 + int(layout.levels.max())) if size == 1 else 1
    trees = [Learner(coder, max(256 if size > 1 else scales, len(SIZES) + 1) << 8) for _ in range(size)]
    rows = Rows(layout)
    everyone, recent = np.arange(lanes), np.zeros(lanes, np.int64)
    some = np.zeros((steps + before, lanes), np.bool_)
    for at in range(before, steps + before):
        positions = everyone * steps + at - before
        alike = context = rows.sizes(positions) if by_row else POPULATION[recent]
        for distance in (1, 2, *strides):
            context = context << 1 | some[at - distance]
        some[at] = flags.code(everyone, context, values[at - before].any(axis=1))
        recent = (recent << 1 | some[at]) & 0xFFF
        active = np.flatnonzero(some[at])
        if len(active):
            if by_row:
                above = alike[active]
            elif by_scale and size == 1:
                above = layout.level(positions[active])
            else:
                above = np.sign(found[at - 1, active, -1].view(np.int8)).astype(np.int64) + 1
            for byte in range(size - 1, -1, -1):
                coded = trees[byte].tree(active, above, values[at - before, active, byte].astype(np.int64))
                found[at, active, byte] = coded
                above = coded if by_scale else np.zeros(len(active), np.int64)
        if by_row:
            rows.add(positions, found[at, :, 0])
    return np.ascontiguousarray(found[before:].transpose(1, 0, 2)).reshape(-1, size)[:count]


def _in_lanes(given: Bytes | None, steps: int, lanes: int, size: int) -> Bytes:
    """Each lane's part as a column; the last one is filled up with zeros."""
    padded = np.zeros((steps * lanes, size), np.uint8)
    if given is not None:
        padded[: len(given)] = given
    return np.ascontiguousarray(padded.reshape(lanes, steps, size).transpose(1, 0, 2))
