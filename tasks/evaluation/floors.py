"""Intervals for one model's accuracy and macro averages, which floors are held against.

Each class by itself is a binomial proportion, given how often the class was there or was the answer:

- recall: right answers of the samples of the class;
- precision: right answers of the answers of the class;
- F1 = 2 J / (1 + J): J is right answers of the samples that are of the class or were answered so.

So each class has the score interval of :func:`~tasks.evaluation.statistics.wilson`, and the lower bound of their mean
follows by the method of variance estimates recovery: G. Y. Zou and A. Donner, Construction of confidence limits about
effect measures, Statistics in Medicine 27 (2008) 1693-1702. Recalls of classes are independent, and so are precisions;
one wrong answer lowers two F1s, so their correlations count. That bound knows of what has not occurred.

The upper bound is that of a score test, as E. B. Wilson's (JASA 22 (1927) 209-212): the highest average that the
samples do not speak against, with the variance of a model that has so few wrong answers, not with that of the samples.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from tasks.config import QualityMetric
from tasks.evaluation.records import Interval
from tasks.evaluation.statistics import MacroMetric, critical_value, macro, wilson

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]


def floor_interval(metric: QualityMetric, confusion: Counts, confidence: float = 0.95) -> Interval:
    """Give an interval for one model's accuracy, or macro precision, recall or F1.

    Args:
        metric: which one.
        confusion: samples by their true class (rows) and their answer (columns), ``[classes, classes]``.
        confidence: of the two-sided interval.

    Raises:
        ValueError: there are no samples.
    """
    if metric == "accuracy":
        return wilson(int(confusion.diagonal().sum()), int(confusion.sum()), confidence)
    return macro_floor(metric, confusion, confidence)


def macro_floor(metric: MacroMetric, confusion: Counts, confidence: float = 0.95) -> Interval:
    """Give an interval for one model's macro average, in which 0 / 0 counts as 0.

    A class of which nothing is known counts as 0, and for the upper bound as 1.

    Args:
        metric: which macro average.
        confusion: as :func:`floor_interval` takes it.
        confidence: of the two-sided interval.
    """
    value, sizes = float(np.mean(_figures(metric, confusion))), _sizes(metric, confusion)
    below = np.array([_miss(metric, *of, confidence) for of in zip(confusion.diagonal(), sizes, strict=True)])
    correlation = f1_correlation(confusion) if metric == "f1" else np.eye(len(below))
    return Interval(
        value=value,
        low=max(0.0, value - sqrt(below @ correlation @ below) / len(below)),
        high=min(1.0, _highest(metric, confusion, confidence)),
    )


def _sizes(metric: MacroMetric, confusion: Counts) -> Counts:
    """Count the samples that each class's own proportion is of."""
    answered, support = confusion.sum(axis=0), confusion.sum(axis=1)
    sizes = {"precision": answered, "recall": support, "f1": answered + support - confusion.diagonal()}
    return np.asarray(sizes[metric])


def _figures(metric: MacroMetric, confusion: Counts | Reals) -> Reals:
    """The figure of each class; 0 / 0 counts as 0."""
    right, answered, support = (
        part.astype(float)[:, np.newaxis]
        for part in (confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1))
    )
    return macro(right, answered, support, metric)


def _miss(metric: MacroMetric, right: int, of: int, confidence: float) -> float:
    """Measure the distance of a class's own lower bound from its figure."""
    if not of:
        return 0.0
    share = wilson(int(right), int(of), confidence)
    if metric != "f1":
        return share.value - share.low
    return 2 * share.value / (1 + share.value) - 2 * share.low / (1 + share.low)


def _highest(metric: MacroMetric, confusion: Counts, confidence: float) -> float:
    """The upper bound: wrong answers become right ones until the samples speak against so good a model."""
    z, total, known = critical_value(confidence), confusion.sum(), _sizes(metric, confusion) > 0
    unknown = float(np.mean(~known))
    right, wrong = np.diag(confusion.sum(axis=1)), confusion - np.diag(confusion.diagonal())

    def average(left: float) -> float:
        return float(np.mean(_figures(metric, model(left)) * known))

    def model(left: float) -> Reals:
        """The confusion of a model with this fraction of the wrong answers; true classes are as they are."""
        return np.asarray(right - left * np.diag(wrong.sum(axis=1)) + left * wrong)

    def excess(left: float) -> float:
        """Measure how much better a model is than what was seen, beyond what chance allows."""
        return average(left) - average(1) - z * sqrt(_variance(metric, model(left), known) / total)

    most = 1 - 1e-12  # no model is so good without wrong answers that the samples say nothing
    bound = float(brentq(excess, 0.0, most, xtol=1e-12)) if excess(0) > 0 > excess(most) else 1.0
    return average(bound) + unknown


def _variance(metric: MacroMetric, confusion: Reals, known: NDArray[np.bool_]) -> float:
    """Variance of a macro average by the delta method, times the samples: the mean square of a sample's influence.

    A sample of class i that is answered as j adds ``2 [i=j] / size_i − F1_i / size_i − F1_j / size_j`` to the sum of
    the F1s, where ``size`` is how often a class is there plus how often it is the answer; the others alike.
    """
    share = confusion / confusion.sum()
    answered, support, right = share.sum(axis=0), share.sum(axis=1), share.diagonal()
    over = {"precision": answered, "recall": support, "f1": (answered + support) / 2}[metric]
    each = np.divide(1, over, out=np.zeros_like(over), where=known & (over > 0))
    lost = right * each**2 / (2 if metric == "f1" else 1)
    influence = np.diag(each)
    if metric != "precision":
        influence = influence - lost[:, np.newaxis]
    if metric != "recall":
        influence = influence - lost[np.newaxis, :]
    return float(np.sum(share * influence**2)) / len(share) ** 2


def f1_correlation(confusion: Counts) -> Reals:
    """Correlate the F1s of the classes: ``[classes, classes]``, none of them below 0.

    By the delta method, as :func:`_variance`. One more wrong answer, spread over all ways in which an answer can be
    wrong, stands for those that have not occurred: without any, nothing would be seen to vary.
    """
    classes = len(confusion)
    counts = confusion + (1 - np.eye(classes)) / max(1, classes * (classes - 1))
    share = counts / counts.sum()
    size = share.sum(axis=0) + share.sum(axis=1)
    each = np.divide(1, size, out=np.zeros_like(size), where=size > 0)
    right = share.diagonal()
    lost = 2 * right * each**2
    covariance = np.outer(lost, lost) * (
        share + share.T
    )  # what two classes share: samples of one answered as the other
    alone = 4 * right * (each - lost) ** 2 + lost**2 * (1 / np.where(size > 0, each, 1) - 2 * right)
    np.fill_diagonal(covariance, alone)
    deviation = np.sqrt(np.maximum(covariance.diagonal(), np.finfo(np.float64).tiny))
    correlation = np.clip(covariance / np.outer(deviation, deviation), 0.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)
