"""What a difference on a finite sample allows to say: intervals for paired comparisons.

All intervals are two-sided at ``confidence``; the gate compares one of their bounds with a margin.
At 95 % that is a one-sided test at 2.5 %, the convention of ICH E9 (Statistical Principles for Clinical
Trials, 1998) for non-inferiority.
"""

from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_array
from scipy.special import ndtri

from tasks.evaluation.records import Interval

MacroMetric = Literal["precision", "recall", "f1"]
Answers = NDArray[np.int64]
Reals = NDArray[np.float64]

REPLICATES = 4_000  # of a bootstrap
AT_ONCE = 200  # replicates held in memory together
SEED = 1  # of a bootstrap: the same samples give the same interval


def critical_value(confidence: float) -> float:
    """The normal quantile that leaves half of ``1 - confidence`` above it."""
    return -float(ndtri((1 - confidence) / 2))


def tango(better: float, worse: float, samples: int, confidence: float = 0.95) -> Interval:
    """Score interval for the difference of two proportions on the same samples.

    T. Tango, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17 (1998) 891-908. It keeps its coverage with few or no
    discordant pairs, where the textbook (Wald) interval collapses to a point.

    Args:
        better: samples that only the candidate answers rightly.
        worse: samples that only the other model answers rightly.
        samples: all samples.
        confidence: of the two-sided interval.

    Returns:
        the difference of the proportions, candidate − other, and its bounds, in −1 … 1.

    Raises:
        ValueError: the counts are negative or are more than the samples.
    """
    if samples < 1 or min(better, worse) < 0 or better + worse > samples:
        raise ValueError(
            f"Expected counts of at least 0 that sum to at most the samples, and at least 1 sample. "
            f"Received: better={better}, worse={worse}, samples={samples}."
        )
    low = _tango_low(better, worse, samples, confidence)
    high = -_tango_low(worse, better, samples, confidence)
    return Interval(value=(better - worse) / samples, low=low, high=high)


def _tango_low(better: float, worse: float, samples: int, confidence: float) -> float:
    if worse == samples:
        return -1.0
    z = critical_value(confidence)

    def excess(difference: float) -> float:
        """By how much the observed difference lies above what chance allows; falls with ``difference``."""
        gap = better - worse - samples * difference
        deviation = sqrt(samples * _variance(better, worse, samples, difference))
        return gap - z * deviation if deviation or gap > 0 else -z

    return float(brentq(excess, -1.0, (better - worse) / samples, xtol=1e-14))


def _variance(better: float, worse: float, samples: int, difference: float) -> float:
    """Variance of one pair's difference if ``difference`` were the truth.

    The probability ``q`` of the discordant pairs that speak against the difference is the most likely one
    under that constraint: the positive root of ``2 n q² + b q − c = 0``, taken without cancellation.
    """
    if difference < 0:
        better, worse, difference = worse, better, -difference
    b = (2 * samples - better + worse) * difference - better - worse
    c = worse * difference * (1 - difference)
    root = sqrt(b * b + 8 * samples * c)
    q = 2 * c / (root + b) if b > 0 else (root - b) / (4 * samples)
    return max(0.0, 2 * q + difference * (1 - difference))


def smallest_margin(samples: int, discordant: float, confidence: float = 0.95) -> float:
    """The smallest margin that a candidate of equal quality would pass on so many samples.

    Args:
        samples: of the test split.
        discordant: samples on which exactly one of the two models is right; half of them count for each.
        confidence: of the two-sided interval.

    Returns:
        a fraction of the samples.
    """
    return -tango(discordant / 2, discordant / 2, samples, confidence).low


def wilson(successes: int, samples: int, confidence: float = 0.95) -> Interval:
    """Score interval for one proportion: E. B. Wilson, JASA 22 (1927) 209-212.

    Raises:
        ValueError: there are no samples, or more successes than samples.
    """
    if not 0 <= successes <= samples or samples < 1:
        raise ValueError(f"Expected 0 ≤ successes ≤ samples, samples ≥ 1. Received: {successes}, {samples}.")
    z2 = critical_value(confidence) ** 2
    middle = (successes + z2 / 2) / (samples + z2)
    half = sqrt(z2 * (successes * (samples - successes) / samples + z2 / 4)) / (samples + z2)
    return Interval(
        value=successes / samples,
        low=0.0 if successes == 0 else middle - half,
        high=1.0 if successes == samples else middle + half,
    )


def macro(right: Reals, answered: Reals, support: Reals, metric: MacroMetric) -> Reals:
    """A macro average: the mean over the classes, where 0 / 0 counts as 0.

    Args:
        right: right answers of each class, ``[..., classes]``.
        answered: how often each class was the answer.
        support: samples of each class.
        metric: which one.

    Returns:
        ``[...]``.
    """
    over = {"precision": answered, "recall": support, "f1": (answered + support) / 2}[metric]
    of_each: Reals = np.divide(right, over, out=np.zeros_like(right), where=over > 0)
    return np.asarray(of_each.mean(axis=-1))


def paired_macro(
    labels: Answers,
    candidate: Answers,
    other: Answers,
    *,
    classes: int,
    metric: MacroMetric,
    confidence: float = 0.95,
) -> Interval:
    """Interval for a difference of macro averages on the same samples, by percentile bootstrap.

    Samples with the same label and the same pair of answers are alike, so a resample is a multinomial draw
    of how often each kind occurs: exact, and far cheaper than drawing samples. A bootstrap cannot see what
    did not occur, in a class of few samples above all: so neither bound is nearer than :func:`macro_recall` has it.

    Args:
        labels: true classes, ``[n]``.
        candidate: the candidate's answers, ``[n]``.
        other: the other model's answers, ``[n]``.
        classes: how many there are.
        metric: which macro average.
        confidence: of the two-sided interval.

    Returns:
        candidate − other.
    """
    (truth, mine, theirs), counts = np.unique(np.stack([labels, candidate, other]), axis=1, return_counts=True)

    def total(answers: Answers, counted: NDArray[np.bool_] | None = None) -> csr_array:
        """The matrix that sums kinds by their answer."""
        weights = np.ones(len(truth)) if counted is None else counted.astype(np.float64)
        return csr_array((weights, (np.arange(len(truth)), answers)), shape=(len(truth), classes))

    sums = [total(truth)]
    for answers in (mine, theirs):
        sums += [total(answers, truth == answers), total(answers)]

    def difference(drawn: Reals) -> Reals:
        support, right, answered, others_right, others_answered = (drawn @ matrix for matrix in sums)
        return macro(right, answered, support, metric) - macro(others_right, others_answered, support, metric)

    rng = np.random.default_rng(SEED)
    parts = [
        difference(rng.multinomial(len(labels), counts / len(labels), size=AT_ONCE).astype(np.float64))
        for _ in range(REPLICATES // AT_ONCE)
    ]
    low, high = np.quantile(np.concatenate(parts), _tails(confidence))
    seen = float(difference(counts[np.newaxis].astype(np.float64))[0])
    least = macro_recall(labels, candidate, other, classes=classes, confidence=confidence)
    return Interval(
        value=seen,
        low=max(-1.0, min(float(low), seen - (least.value - least.low))),
        high=min(1.0, max(float(high), seen + (least.high - least.value))),
    )


def macro_recall(
    labels: Answers, candidate: Answers, other: Answers, *, classes: int, confidence: float = 0.95
) -> Interval:
    """Analytic interval for a difference of macro recalls on the same samples, which counts what has not occurred.

    The classes are independent, each with the interval of :func:`tango`; those of their mean follow by the method of
    variance estimates recovery: G. Y. Zou and A. Donner, Construction of confidence limits about effect measures,
    Statistics in Medicine 27 (2008) 1693-1702.

    Args:
        labels: true classes, ``[n]``.
        candidate: the candidate's answers, ``[n]``.
        other: the other model's answers, ``[n]``.
        classes: how many there are; those without samples count as 0.
        confidence: of the two-sided interval.

    Returns:
        candidate − other.
    """
    mine, theirs = candidate == labels, other == labels
    better, worse, support = (
        np.bincount(labels[chosen], minlength=classes) for chosen in (mine & ~theirs, theirs & ~mine, labels >= 0)
    )
    each = [tango(int(b), int(w), int(n), confidence) for b, w, n in zip(better, worse, support, strict=True) if n]
    value = sum(one.value for one in each) / classes
    below = sqrt(sum((one.value - one.low) ** 2 for one in each)) / classes
    above = sqrt(sum((one.high - one.value) ** 2 for one in each)) / classes
    return Interval(value=value, low=value - below, high=value + above)


def ratio_of_medians(times: Reals, others: Reals, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval for the ratio of two medians measured in the same rounds.

    Rounds are resampled whole, so that what slowed a round down slows both of its models down.

    Args:
        times: one value a round, ``[rounds]``.
        others: the other model's values in the same rounds.
        confidence: of the two-sided interval.

    Returns:
        median of ``times`` / median of ``others``.

    Raises:
        ValueError: the rounds do not pair.
    """
    if times.shape != others.shape or times.ndim != 1 or not times.size:
        raise ValueError(f"Expected as many rounds of both. Received: {times.shape} and {others.shape}.")
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, times.size, size=(REPLICATES, times.size))
    ratios = np.median(times[drawn], axis=1) / np.median(others[drawn], axis=1)
    low, high = np.quantile(ratios, _tails(confidence))
    value = float(np.median(times) / np.median(others))
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2
