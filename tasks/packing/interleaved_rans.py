"""The coder for large tensors: many rANS states side by side, which numpy moves on at once.

All states read from one sequence of words, in the order of the lanes (interleaved entropy coders: Giesen 2014,
arXiv:1402.3392), so that a lane costs nothing but its last state.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import PackingError

FLOOR = 24  # bits; the least state between two decisions
HEAD = 5  # bytes of a lane's first state
BELIEF = 16  # bits of a probability

Bits = NDArray[np.bool_]
Numbers = NDArray[np.int64]


class InterleavedEncoder:
    """Takes down the decisions of ``lanes`` lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self._decisions: list[tuple[Numbers, NDArray[np.uint16], Bits]] = []

    def code(self, active: Numbers, one: Numbers, bits: Bits) -> Bits:
        """Take a bit down for each of some lanes.

        Args:
            active: the numbers of these lanes.
            one: 65536 times the probability of a 1 in each.
            bits: the decisions.

        Returns:
            the decisions.
        """
        self._decisions.append((active, one.astype(np.uint16), bits))
        return bits

    def finish(self) -> bytes:
        """Return the bytes: the states to begin with, then the words."""
        states = np.full(self.lanes, 1 << FLOOR, np.int64)
        blocks: list[NDArray[Any]] = []
        for active, belief, bits in reversed(self._decisions):
            one = belief.astype(np.int64)
            size, start = np.where(bits, one, (1 << BELIEF) - one), np.where(bits, 0, one)
            state = states[active]
            full = state >= size << FLOOR
            blocks.append(state[full].astype(">u2"))
            state = np.where(full, state >> 16, state)
            quotient, rest = np.divmod(state, size)
            states[active] = (quotient << BELIEF) + rest + start
        heads = states.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - HEAD :]
        return heads.tobytes() + b"".join(block.tobytes() for block in reversed(blocks))


class InterleavedDecoder:
    """Gives the decisions of ``lanes`` lanes back.

    Raises:
        PackingError: from any method: the content ends too early.
    """

    def __init__(self, content: bytes, lanes: int) -> None:
        if len(content) < HEAD * lanes or (len(content) - HEAD * lanes) % 2:
            raise PackingError(f"Expected the states of {lanes} lanes and words. Received: {len(content)} bytes.")
        self.lanes = lanes
        heads = np.zeros((lanes, 8), np.uint8)
        heads[:, 8 - HEAD :] = np.frombuffer(content, np.uint8, HEAD * lanes).reshape(lanes, HEAD)
        self._states = heads.reshape(-1).view(">u8").astype(np.int64)
        self._words = np.frombuffer(content, ">u2", offset=HEAD * lanes).astype(np.int64)
        self._at = 0

    def code(self, active: Numbers, one: Numbers, bits: Bits) -> Bits:
        """Decode a bit for each of some lanes.

        Args:
            active: the numbers of these lanes.
            one: 65536 times the probability of a 1 in each.
            bits: of no account: an encoder is called alike.

        Returns:
            the decisions.

        Raises:
            PackingError: the content is cut off.
        """
        del bits
        state = self._states[active]
        low = state & 0xFFFF
        found = low < one
        state = np.where(found, one, (1 << BELIEF) - one) * (state >> BELIEF) + low - np.where(found, 0, one)
        empty = np.flatnonzero(state < 1 << FLOOR)
        if len(empty):
            words = self._words[self._at : self._at + len(empty)]
            if len(words) < len(empty):
                raise PackingError("Expected more bytes. Received: the end of the content, which is cut off.")
            self._at += len(empty)
            state[empty] = state[empty] << 16 | words
        self._states[active] = state
        return np.asarray(found)

    def finish(self) -> None:
        """Check that all was read.

        Raises:
            PackingError: there is more content, or a lane did not arrive where the encoder began.
        """
        if self._at != len(self._words) or np.any(self._states != 1 << FLOOR):
            raise PackingError("Expected the content to end where its decisions end. Received: another end.")


InterleavedCoder = InterleavedEncoder | InterleavedDecoder
