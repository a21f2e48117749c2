"""The metrics of the next token: perplexity and accuracy, with intervals over texts.

Windows of one text are not independent: texts are what was drawn, see :mod:`tasks.statistics.clusters`. Answers are
figures of each window, see :func:`.measuring.NextTokenMeasuring.reduced`.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.errors import EvaluationError
from tasks.records import Interval
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.outcomes.next_token.targets import TEXT, TOKEN, spelling

LOSS, RIGHT = range(2)  # columns of answers: −log p in nats, and whether the likeliest token came


def each_loss(answers: Answers) -> NDArray[np.float64]:
    """Return the loss of each window in nats, ``[n]``; see :func:`.targets.spelling`.

    Args:
        answers: of one model.
    """
    return answers.outputs[:, LOSS].astype(np.float64) + spelling(answers.targets)


def texts_of(answers: Answers) -> Array:
    """Return which text each window is of, ``[n]``.

    Args:
        answers: of one model.

    Raises:
        EvaluationError: there are fewer than two texts.
    """
    texts = answers.targets[:, TEXT]
    if len(np.unique(texts)) < 2:
        raise EvaluationError(
            f"Expected windows of at least two texts in a split, as what one text says of others is not known. "
            f"Received: {len(texts):,} windows of one. Add texts, cut long ones into paragraphs, or raise data.split."
        )
    return texts


def frequencies(answers: Answers) -> tuple[Array, NDArray[np.float64]]:
    """Return the tokens that came next, and how often each did as a fraction.

    Args:
        answers: whose targets count.
    """
    tokens, counts = np.unique(answers.targets[:, TOKEN], return_counts=True)
    return tokens, counts / counts.sum()


def by_frequency(answers: Answers) -> Answers:
    """Return what the best answer gives that is the same everywhere: how frequent each token is in these samples.

    Args:
        answers: whose targets count.
    """
    tokens, shares = frequencies(answers)
    places = np.searchsorted(tokens, answers.targets[:, TOKEN])
    said = answers.targets[:, TOKEN] == tokens[shares.argmax()]
    return Answers(np.stack([-np.log(shares[places]), said], axis=1).astype(np.float32), answers.targets)


class Perplexity(Metric):
    """The exponential of the mean loss: among how many equally likely tokens a model is left to choose.

    The interval of a difference is by the delta method (A. W. van der Vaart, Asymptotic Statistics, 1998) over texts.
    """

    name = "perplexity"
    label = "perplexity"
    superlative = "least perplexed"
    less_is_better = True
    least: ClassVar[float] = 1.0
    most: ClassVar[float] = math.inf

    def value(self, answers: Answers) -> float:
        """Return the exponential of the mean loss."""
        return math.exp(float(each_loss(answers).mean()))

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the exponentials of the bounds of the mean loss."""
        from tasks.statistics import clustered_mean

        seen = clustered_mean(each_loss(answers), texts_of(answers), confidence)
        return Interval(value=self.value(answers), low=max(1.0, _exp(seen.low)), high=_exp(seen.high))

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of the difference; each window adds its loss times the perplexity, to the first order."""
        from tasks.statistics import clustered_mean

        values = [self.value(each) for each in (mine, theirs)]
        parts = [
            value * (losses - losses.mean())
            for value, losses in zip(values, map(each_loss, (mine, theirs)), strict=True)
        ]
        seen = clustered_mean(parts[0] - parts[1], texts_of(mine), confidence)
        found = values[0] - values[1]
        return Interval(value=found, low=found + seen.low, high=found + seen.high)

    def constant(self, answers: Answers) -> float:
        """Return what it is where a model knows nothing but how frequent each token is."""
        return self.value(by_frequency(answers))


class NextTokenAccuracy(Metric):
    """The fraction of windows whose next token is the likeliest."""

    name = "accuracy"
    label = "accuracy of the next token"
    superlative = "most often right"

    def value(self, answers: Answers) -> float:
        """Return the fraction."""
        return float(answers.outputs[:, RIGHT].mean(dtype=np.float64))

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return Wilson's interval of as many windows as count; see :func:`tasks.statistics.clustered_fraction`."""
        from tasks.statistics import clustered_fraction

        return clustered_fraction(answers.outputs[:, RIGHT].astype(np.float64), texts_of(answers), confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a paired difference; see :func:`tasks.statistics.clustered_difference`."""
        from tasks.statistics import clustered_difference

        differences = mine.outputs[:, RIGHT].astype(np.float64) - theirs.outputs[:, RIGHT]
        return clustered_difference(differences, texts_of(mine), confidence)

    def constant(self, answers: Answers) -> float:
        """Return the share of the most frequent token."""
        return float(frequencies(answers)[1].max())


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


METRICS: tuple[Metric, ...] = (Perplexity(), NextTokenAccuracy())
