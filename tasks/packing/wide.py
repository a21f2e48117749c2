"""The models of large tensors, for all lanes at once: each lane codes a part of the tensor, all learn together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tasks.packing.lanes import Bits, LaneCoder, Numbers

BYTES_A_LANE = 1024  # before they are coded; a lane costs 3 of them
LANES = 1024  # at most
OFTEN = 1 << 15  # sights after which those of a context count half
SCALES = 1 << 12  # that are told apart
SURE = 32  # least probability, of 65536
Bytes = NDArray[np.uint8]
POPULATION = np.array([bits.bit_count() for bits in range(1 << 12)], np.int64)


def lanes_for(count: int, size: int) -> int:
    """How many lanes code ``count`` numbers of ``size`` bytes."""
    return max(1, min(LANES, count * size // BYTES_A_LANE))


class Learner:
    """Probabilities by context, counted over all lanes."""

    def __init__(self, coder: LaneCoder, contexts: int) -> None:
        self._coder = coder
        self._seen = np.zeros((2, contexts), np.int64)

    def code(self, active: Numbers, contexts: Numbers, bits: Bits) -> Bits:
        """Code a bit for each of the ``active`` lanes, in a context each."""
        zeros, ones = self._seen[0][contexts], self._seen[1][contexts]
        one = ((2 * ones + 1) << 16) // (2 * (zeros + ones) + 2)
        found = self._coder.code(active, np.clip(one, SURE, 65536 - SURE), bits)
        np.add.at(self._seen, (found.astype(np.int64), contexts), 1)
        often = contexts[zeros + ones > OFTEN]
        if len(often):
            self._seen[:, np.unique(often)] //= 2
        return found

    def tree(self, active: Numbers, base: Numbers, values: Numbers) -> Numbers:
        """Code a number of 8 bits for each of the ``active`` lanes, the highest first; ``base``: a context each."""
        node = np.ones(len(active), np.int64)
        for left in range(7, -1, -1):
            bit = self.code(active, (base << 8) + node, (values >> left & 1).astype(bool))
            node = node << 1 | bit
        return node & 255


@dataclass(frozen=True)
class Layout:
    """How the elements of a tensor lie: ``size`` bytes each, alike at the ``strides`` beside 1 and 2.

    ``levels``: for each row, of ``columns`` elements, the number of its scale; ``start``: where among them the part
    begins. ``bound``: whether the values of a row are those of its scale, and an element's lower bytes follow from the
    one above, as where there are few different values.
    """

    size: int
    strides: tuple[int, int]
    levels: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    columns: int = 1
    start: int = 0
    bound: bool = False

    def level(self, places: Numbers) -> Numbers:
        """The number of the scale at each of these places, of a number that is bounded."""
        rows = np.minimum((places + self.start) // max(1, self.columns), len(self.levels) - 1)
        return self.levels[rows].astype(np.int64) % SCALES


def code_elements(coder: LaneCoder, count: int, given: Bytes | None, layout: Layout) -> Bytes:
    """Code ``count`` elements: other than zero or not in the context of neighbours, then their bytes as trees.

    Args:
        coder: takes or gives the decisions.
        count: elements.
        given: them, ``[count, size]``, little-endian; None in decoding.
        layout: how they lie.
    """
    lanes, size = coder.lanes, layout.size
    steps = -(-count // lanes)
    values = _in_lanes(given, steps, lanes, size)
    strides = [stride if 0 < stride < steps else 1 for stride in layout.strides]
    before = max(2, *strides)
    found = np.zeros((steps + before, lanes, size), np.uint8)
    flags = Learner(coder, 13 << 4)
    scales = min(SCALES, 1 + int(layout.levels.max())) if size == 1 else 1
    trees = [Learner(coder, max(256 if size > 1 else scales, 3) << 8) for _ in range(size)]
    everyone, recent = np.arange(lanes), np.zeros(lanes, np.int64)
    some = np.zeros((steps + before, lanes), np.bool_)
    for at in range(before, steps + before):
        context = POPULATION[recent]
        for distance in (1, 2, *strides):
            context = context << 1 | some[at - distance]
        some[at] = flags.code(everyone, context, values[at - before].any(axis=1))
        recent = (recent << 1 | some[at]) & 0xFFF
        active = np.flatnonzero(some[at])
        if len(active):
            if size == 1 and layout.bound:
                above = layout.level(active * steps + at - before)
            else:
                above = np.sign(found[at - 1, active, -1].view(np.int8)).astype(np.int64) + 1
            for place in range(size - 1, -1, -1):
                coded = trees[place].tree(active, above, values[at - before, active, place].astype(np.int64))
                found[at, active, place] = coded
                above = coded if layout.bound else np.zeros(len(active), np.int64)
    return np.ascontiguousarray(found[before:].transpose(1, 0, 2)).reshape(-1, size)[:count]


def _in_lanes(given: Bytes | None, steps: int, lanes: int, size: int) -> Bytes:
    """Each lane's part as a column; the last one is filled up with zeros."""
    padded = np.zeros((steps * lanes, size), np.uint8)
    if given is not None:
        padded[: len(given)] = given
    return np.ascontiguousarray(padded.reshape(lanes, steps, size).transpose(1, 0, 2))
