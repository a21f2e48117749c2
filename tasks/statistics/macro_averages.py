"""Intervals for macro averages: precision, recall and F1, of one model and of the difference of two.

The variance is that of the delta method: K. Takahashi, K. Yamamoto, A. Kuchiba and T. Koyama, Confidence interval for
micro-averaged F1 and macro-averaged F1 scores, Applied Intelligence 52 (2022) 4961-4972; here it is taken of pairs too
and of all three metrics. By itself it is too small where classes are small, since it takes errors that have not
occurred for impossible. So

- pseudo-observations are added. To pairs one sample in each class, discordant as often as all samples are: A. Agresti
  and Y. Min add one discordant pair to two matched proportions (Simple improved confidence intervals for comparing
  matched proportions, Statistics in Medicine 24 (2005) 729-740). To one model ``z² / 2`` right and as many wrong
  answers in all, two at 95 %, as A. Agresti and B. A. Coull add to one proportion (Approximate is better than "exact"
  for interval estimation of binomial proportions, The American Statistician 52 (1998) 119-126).
- The bound on the side of the rarer, heavier errors of a pair is farther, by the skewness: N. J. Johnson, Modified t
  tests and confidence intervals for asymmetrical populations, JASA 73 (1978) 536-544. Both are, by the kurtosis, beyond
  91.7 %: E. A. Cornish and R. A. Fisher, Moments and cumulants in the specification of distributions, Revue de
  l'Institut International de Statistique 5 (1938) 307-320. Neither moment may draw a bound nearer.
- No bound is nearer than what errors that have not occurred may amount to in one class
  (:func:`tasks.statistics.class_counts.unseen_share`).
- F1's bias in small classes is corrected.
- Where one class alone is looked at the variance is known from its discordant samples alone, so Student's quantile
  with as many degrees of freedom takes the place of the normal one, and the pseudo-observation is as often discordant
  as the samples are that are of the class, or are answered with it.
- A class without samples may have any value.
"""

from math import sqrt

import numpy as np

from tasks.records import Interval
from tasks.statistics.class_counts import Answers, ClassCounts, MacroMetric, Reals
from tasks.statistics.proportions import critical_value, score_bounds, student

PSEUDO_SAMPLES = 1.0  # of two models, in each class
FEWEST_FREE = 4  # degrees of freedom of one class's difference; fewer discordant samples are the unseen errors' matter


def paired_macro(
    labels: Answers,
    candidate: Answers,
    other: Answers,
    *,
    classes: int,
    metric: MacroMetric,
    confidence: float = 0.95,
    only: int | None = None,
) -> Interval:
    """Interval for a difference of macro averages on the same samples.

    Args:
        labels: true classes, ``[n]``.
        candidate: the candidate's answers, ``[n]``.
        other: the other model's answers, ``[n]``.
        classes: how many there are.
        metric: which macro average.
        confidence: of the two-sided interval.
        only: a class whose figure alone is compared, in place of the average.

    Returns:
        candidate − other.

    Raises:
        ValueError: there are no samples, or not as many answers as labels.
    """
    _check(labels, candidate, other)
    mine, theirs = (ClassCounts.of(labels, answers, classes, metric, only) for answers in (candidate, other))
    value = mine.value - theirs.value
    middle = value + mine.bias - theirs.bias
    influence = mine.influence(labels, candidate) - theirs.influence(labels, other)
    discordant, looked_at = int(np.count_nonzero((candidate == labels) != (other == labels))), len(labels)
    if only is not None:
        looked_at = int(np.count_nonzero((labels == only) | (candidate == only) | (other == only)))
    pseudo = PSEUDO_SAMPLES * (discordant + 0.5) / (looked_at + 1)
    z = critical_value(confidence) if only is None else student(max(FEWEST_FREE, discordant), confidence)
    below, above = _reach(influence, np.maximum(mine.error, theirs.error), pseudo, z)
    low = middle - max(below, float(mine.losses(confidence).max())) - theirs.unknown
    high = middle + max(above, float(theirs.losses(confidence).max())) + mine.unknown
    return Interval(value=value, low=max(-1.0, min(low, value)), high=min(1.0, max(high, value)))


def macro_interval(
    labels: Answers, answers: Answers, *, classes: int, metric: MacroMetric, confidence: float = 0.95
) -> Interval:
    """Interval for a macro average of one model: Wilson's, with as many samples as give its variance.

    That many samples is the effective sample size of surveys: P. S. Kott, A note on Wilson coverage intervals for
    proportions estimated from complex samples, Survey Methodology 43 (2017).

    Args:
        labels: true classes, ``[n]``.
        answers: the model's, ``[n]``.
        classes: how many there are.
        metric: which macro average.
        confidence: of the two-sided interval.

    Returns:
        the macro average with its bounds, in 0 … 1.

    Raises:
        ValueError: there are no samples, or not as many answers as labels.
    """
    _check(labels, answers)
    counts = ClassCounts.of(labels, answers, classes, metric)
    value = counts.value
    middle = min(1.0, value + counts.bias)
    influence, error = counts.influence(labels, answers), counts.error
    pseudo = critical_value(confidence) ** 2 / 2
    variance = float((influence**2).sum() + pseudo * np.mean(error**2))
    drawn = min(1.0, 2 * pseudo * float(error.mean()))  # to a half, by the pseudo-observations
    smoothed = (1 - drawn) * middle + drawn / 2
    low, high = score_bounds(middle, smoothed * (1 - smoothed) / variance, confidence)
    low = min(low, middle - float(counts.losses(confidence).max()))
    high = max(high, middle + float(counts.gains(confidence).max())) + counts.unknown
    return Interval(value=value, low=max(0.0, min(low, value)), high=min(1.0, max(high, value)))


def _reach(influence: Reals, error: Reals, pseudo: float, z: float) -> tuple[float, float]:
    """Return how far from its estimate a difference may be, with so many pseudo-observations in each class."""
    variance = float((influence**2).sum() + pseudo * (error**2).sum())
    skewed = float((influence**3).sum()) / variance
    heavy = float((influence**4).sum() + pseudo * (error**4).sum()) / variance
    shift = (1 / 6 + z**2 / 3) * skewed
    half = z * sqrt(variance + max(0.0, z**2 - 3) / 12 * heavy)
    return half + max(0.0, -shift), half + max(0.0, shift)


def _check(labels: Answers, *answers: Answers) -> None:
    if not len(labels) or any(one.shape != labels.shape for one in answers):
        shapes = ", ".join(str(one.shape) for one in (labels, *answers))
        raise ValueError(f"Expected samples, and as many answers as labels. Received shapes: {shapes}.")
