"""The model of a decision: predictions of several contexts, mixed by a small network that learns as it goes.

Each context keeps a probability and how often it was seen; the first sights move it far, later ones little. Their
log-odds are added with weights that gradient descent adapts after every decision (logistic mixing: Mahoney 2005,
Adaptive weighing of context models for lossless data compression). Integers throughout; the two tables are rounded
with a wide margin, so that every machine has the same.
"""

import math
from collections.abc import Sequence

from tasks.errors import PackingError
from tasks.packing.rans import Coder

ODDS = 3071  # largest log-odds, in units of 1/256
START = 1 << 31  # a context never seen: one half, seen 0 times


def squash(odds: float) -> float:
    """Return the probability of log-odds.

    Args:
        odds: natural logarithm of p / (1 − p).
    """
    return 1 / (1 + math.exp(-odds))


# probability (of 65536) by log-odds + ODDS, and log-odds by probability (of 4096)
SQUASH = [min(65535 - 16, max(16, round(65536 * squash(odds / 256)))) for odds in range(-ODDS, ODDS + 1)]
STRETCH = [round(256 * math.log((2 * at + 1) / (8191 - 2 * at))) for at in range(4096)]
COUNT = (1 << 10) - 1  # the lowest bits of a context; its probability has the 22 above
SHARE = [int(65536 / (seen + 1.5)) for seen in range(COUNT + 1)]  # of the way to what was seen, of 65536
WEIGHT = 1 << 14  # of each context at first, of 2**16
CONTEXTS = 1 << 20  # that a mixer may see, some 200 MB
EAGER = 2000  # how much faster the weights learn at first, sixteen times


class Mixer:
    """Codes decisions with what several contexts predict.

    Args:
        coder: takes or gives the decisions.
        limit: sights after which a context's share stays as it is: high for what does not change, at most 1023.
        rate: how fast the weights learn in the end, of 2**18.
    """

    def __init__(self, coder: Coder, limit: int, rate: int) -> None:
        self.use(coder)
        self._limit = limit
        self._rate = rate
        self._states: dict[int, int] = {}
        self._weights: dict[int, list[int]] = {}  # and how often they were used, the last of each list

    def use(self, coder: Coder) -> None:
        """Go on with another coder, with all that was learned.

        Args:
            coder: takes or gives the next decisions.
        """
        self._code = coder.code

    def code(self, contexts: Sequence[int], selector: int, bit: int) -> int:
        """Code a decision, or decode it.

        Args:
            contexts: numbers that name what is known, each unique over all models of this mixer.
            selector: which weights to mix with; always the same number of contexts with the same selector.
            bit: the decision; of no account in decoding.

        Returns:
            the decision.

        Raises:
            PackingError: it has seen more contexts than it has memory for.
        """
        states, limit = self._states, self._limit
        weights = self._weights.get(selector)
        if len(states) > CONTEXTS:
            raise PackingError(f"Expected up to {CONTEXTS:,} contexts. Received: more; the content is damaged.")
        if weights is None:
            weights = self._weights[selector] = [WEIGHT] * len(contexts) + [0]
        seen = [states.get(context, START) for context in contexts]
        inputs = [STRETCH[state >> 20] for state in seen]
        odds = sum(map(int.__mul__, inputs, weights)) >> 16  # the count, last of the weights, has no input
        one = SQUASH[(odds if odds < ODDS else ODDS) + ODDS if odds > -ODDS else 0]
        bit = self._code(one, bit)
        target = bit << 22
        used = weights[-1]
        weights[-1] = used + 1
        error = ((bit << 16) - one) * (self._rate + EAGER // (used + 16))
        for at, state in enumerate(seen):
            count = state & COUNT
            probability = state >> 10
            probability += (target - probability) * SHARE[count] >> 16
            states[contexts[at]] = probability << 10 | (count + 1 if count < limit else count)
            weights[at] += inputs[at] * error + (1 << 17) >> 18
        return bit
