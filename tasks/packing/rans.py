"""The arithmetic coder: decisions and their probabilities to bytes and back, as rANS (Duda 2013, arXiv:1311.2540).

The encoder takes the decisions from the last to the first, so that the decoder reads words from front to back. The
state that the encoder begins with is the state that the decoder must end with: it carries the checksum and costs
nothing more than any state would. All arithmetic is in integers: every machine decodes the same.
"""

import struct
from math import log2

import numpy as np

from tasks.errors import PackingError

SCALE = 16  # bits of a probability
WORD = 16  # bits that enter the state at once
FLOOR = 1 << 32  # least state between two decisions: the check has room in it, rounding costs less than 2**-15 bits
HEAD = 6  # bytes of the state that decoding begins with


class Encoder:
    """Takes decisions down; :meth:`finish` makes bytes of them."""

    def __init__(self) -> None:
        self._decisions: list[int] = []

    def code(self, one: int, bit: int) -> int:
        """Take a decision down.

        Args:
            one: 65536 times the probability of a 1, from 1 to 65535.
            bit: the decision.

        Returns:
            the decision.
        """
        self._decisions.append(one << 1 | bit)
        return bit

    def __len__(self) -> int:
        return len(self._decisions)

    def bits(self) -> float:
        """Return the information taken down so far in bits, which is what it will be coded to."""
        odds = ((decision >> 1, decision & 1) for decision in self._decisions)
        return -sum(log2((one if bit else (1 << SCALE) - one) / (1 << SCALE)) for one, bit in odds)

    def finish(self, check: int) -> bytes:
        """Return the bytes.

        Args:
            check: 32 bits that the decoder finds at the end.
        """
        state, words = FLOOR | check, []
        for decision in reversed(self._decisions):
            one = decision >> 1
            size, start = (one, 0) if decision & 1 else ((1 << SCALE) - one, one)
            if state >= size << 32:
                words.append(state & 0xFFFF)
                state >>= WORD
            state = (state // size << SCALE) + state % size + start
        return state.to_bytes(HEAD, "big") + struct.pack(f">{len(words)}H", *reversed(words))


class Decoder:
    """Gives decisions back.

    Args:
        content: what :class:`Encoder` made.
        limit: decisions that may be asked for, which bounds the time.

    Raises:
        PackingError: from any method: the content ends too early or describes too much.
    """

    def __init__(self, content: bytes, limit: int) -> None:
        if len(content) < HEAD or len(content) % 2:
            raise PackingError(f"Expected {HEAD} bytes or more, in words of 2. Received: {len(content)} bytes.")
        self._state = int.from_bytes(content[:HEAD], "big")
        self._words = iter(np.frombuffer(content, ">u2", offset=HEAD).astype(np.uint16).data)
        self._left = limit

    def code(self, one: int, bit: int = 0) -> int:
        """Decode the next decision.

        Args:
            one: 65536 times the probability of a 1, from 1 to 65535.
            bit: of no account: an encoder is called alike.

        Returns:
            the decision.

        Raises:
            PackingError: there are no more decisions, or more than the limit.
        """
        del bit
        if not self._left:
            raise PackingError("Expected fewer decisions than the limit. Received: more; the content is damaged.")
        self._left -= 1
        state = self._state
        low = state & 0xFFFF
        if low < one:
            found, state = 1, one * (state >> SCALE) + low
        else:
            found, state = 0, ((1 << SCALE) - one) * (state >> SCALE) + low - one
        if state < FLOOR:
            try:
                state = state << WORD | next(self._words)
            except StopIteration:
                raise PackingError("Expected more bytes. Received: the end of the content, which is cut off.") from None
        self._state = state
        return found

    def finish(self) -> int:
        """Return the check that the encoder was given.

        Raises:
            PackingError: there is more content, or the decoder did not arrive where the encoder began.
        """
        if next(self._words, None) is not None or self._state >> 32 != 1:
            raise PackingError("Expected the content to end where its decisions end. Received: another end.")
        return self._state - FLOOR


Coder = Encoder | Decoder
