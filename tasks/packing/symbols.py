"""Numbers and bytes as decisions.

Everything is coded and decoded by the same lines: a value goes in, which is of no account in decoding, and the value
comes out.
"""

from collections.abc import Hashable, Sequence

from tasks.errors import PackingError
from tasks.packing.context_mixing import Mixer
from tasks.packing.rans import Coder

EXACT = 12  # leading bits of a number that contexts learn one by one
HALF = 1 << 15
NAMES = 1 << 17  # of contexts
LONGEST = 64  # bits of a number

Context = Hashable


class Symbols:
    """Codes values in contexts: whatever is known and may help to guess them.

    Args:
        coder: takes or gives the decisions.
        limit: see :class:`Mixer`.
        rate: see :class:`Mixer`.
    """

    def __init__(self, coder: Coder, limit: int = 60, rate: int = 10) -> None:
        self._coder = coder
        self._mixer = Mixer(coder, limit, rate)
        self._names: dict[Context, int] = {}

    def use(self, coder: Coder) -> None:
        """Go on with another coder, with all that was learned.

        Args:
            coder: takes or gives the next decisions.
        """
        self._coder = coder
        self._mixer.use(coder)

    def flag(self, contexts: Sequence[Context], value: bool = False) -> bool:
        """Code yes or no.

        Args:
            contexts: what is known.
            value: of no account in decoding.

        Returns:
            the value.
        """
        return bool(self._mixer.code([self._name(context) << 16 for context in contexts], len(contexts) << 8, value))

    def number(self, contexts: Sequence[Context], value: int = 0) -> int:
        """Code a number from 0: how many bits follow its leading one in 1 + number, then these (Elias 1975).

        Args:
            contexts: what is known.
            value: of no account in decoding.

        Returns:
            the value.

        Raises:
            PackingError: the content has a number of more bits than there are.
        """
        names = [self._name(context) << 16 for context in contexts]
        code, kind = self._mixer.code, len(names) << 8
        shifted = value + 1
        bits = 0
        while code([name | bits for name in names], kind | min(bits, 20), shifted >> bits > 1):
            bits += 1
            if bits > LONGEST:
                raise PackingError(f"Expected numbers of up to {LONGEST} bits. Received: a longer one.")
        found = 1
        for left in range(bits - 1, -1, -1):
            bit = shifted >> left & 1
            done = bits - 1 - left
            if done < EXACT:
                node = 1 << 7 | bits if not done else 1 << 13 | found if bits == done else 1 << 14 | found << 1 | 1
                bit = code([name | node for name in names], kind | 32 + min(done, 20), bit)
            else:
                bit = self._coder.code(HALF, bit)
            found = found << 1 | bit
        return found - 1

    def signed(self, contexts: Sequence[Context], value: int = 0) -> int:
        """Code a whole number: 0, −1, 1, −2, … as 0, 1, 2, 3, …

        Args:
            contexts: what is known.
            value: of no account in decoding.

        Returns:
            the value.
        """
        coded = self.number(contexts, -2 * value - 1 if value < 0 else 2 * value)
        return -(coded + 1) // 2 if coded & 1 else coded // 2

    def byte(self, contexts: Sequence[Context], value: int = 0) -> int:
        """Code one of 256 values, the highest bit first.

        Args:
            contexts: what is known.
            value: of no account in decoding.

        Returns:
            the value.
        """
        names = [self._name(context) << 16 for context in contexts]
        node, kind = 1, len(names) << 8 | 128
        for left in range(7, -1, -1):
            bit = self._mixer.code([name | node for name in names], kind | 7 - left, value >> left & 1)
            node = node << 1 | bit
        return node & 255

    def raw(self, bits: int, value: int = 0) -> int:
        """Code bits about which nothing is known.

        Args:
            bits: how many.
            value: of no account in decoding.

        Returns:
            the value.
        """
        found = 0
        for left in range(bits - 1, -1, -1):
            found = found << 1 | self._coder.code(HALF, value >> left & 1)
        return found

    def _name(self, context: Context) -> int:
        if len(self._names) > NAMES:
            raise PackingError(f"Expected up to {NAMES:,} contexts. Received: more; the content is damaged.")
        return self._names.setdefault(context, len(self._names))
