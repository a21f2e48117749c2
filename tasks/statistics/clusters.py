"""Intervals for means of samples that come in clusters, as windows of the same text, which are not independent.

The mean is a ratio of sums over clusters, whose variance is that of its linearization: W. G. Cochran, Sampling
Techniques, 3rd ed. 1977, section 9A (single-stage clusters of unequal sizes). Its width is by Student's t with a
degree of freedom less than there are clusters.
"""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tasks.records import Interval
from tasks.statistics.proportions import score_bounds

Values = NDArray[Any]


def clustered_mean(values: Values, clusters: Values, confidence: float = 0.95) -> Interval:
    """Return the interval for the mean of values whose clusters were drawn.

    Args:
        values: ``[n]``, of any size.
        clusters: the number of each one's cluster, ``[n]``.
        confidence: two-sided.

    Raises:
        ValueError: there are fewer than two clusters, of which nothing can be said.
    """
    mean, variance, count = _moments(values, clusters)
    half = _quantile(count, confidence) * sqrt(variance)
    return Interval(value=mean, low=mean - half, high=mean + half)


def clustered_fraction(values: Values, clusters: Values, confidence: float = 0.95) -> Interval:
    """Return the interval for the mean of values from 0 to 1: Wilson's, of as many samples as count.

    E. L. Korn and B. I. Graubard, Survey Methodology 24 (1998) 193-201: n samples in clusters say as much as
    ``n / d`` independent ones, where the design effect ``d`` is the ratio of both variances.

    Args:
        values: ``[n]``.
        clusters: the number of each one's cluster, ``[n]``.
        confidence: two-sided.

    Raises:
        ValueError: there are fewer than two clusters.
    """
    mean, count = float(np.mean(values)), _effective(values, clusters)
    low, high = score_bounds(mean, count, confidence)
    return Interval(value=mean, low=low if mean > 0 else 0.0, high=high if mean < 1 else 1.0)


def clustered_difference(differences: Values, clusters: Values, confidence: float = 0.95) -> Interval:
    """Return the interval for the mean of paired differences from −1 to 1.

    As :func:`tasks.statistics.paired_mean`, of as many pairs as count, see :func:`clustered_fraction`: it does not
    collapse where no pair differs.

    Args:
        differences: ``[n]``.
        clusters: the number of each one's cluster, ``[n]``.
        confidence: two-sided.

    Raises:
        ValueError: there are fewer than two clusters.
    """
    mean, effective = float(np.mean(differences)), _effective(differences, clusters)
    count = effective + 2
    centre = mean * effective / count
    variance = (float(np.square(differences).mean()) * effective + 1) / count - centre**2
    half = _quantile(len(np.unique(clusters)), confidence) * sqrt(variance / (count - 1))
    return Interval(value=mean, low=max(-1.0, min(mean, centre - half)), high=min(1.0, max(mean, centre + half)))


def _moments(values: Values, clusters: Values) -> tuple[float, float, int]:
    """Return the mean, its variance, and how many clusters there are."""
    known, places = np.unique(clusters, return_inverse=True)
    count = len(known)
    if count < 2:
        raise ValueError(f"Expected samples of at least two clusters. Received: {len(values)} samples of {count}.")
    numbers = np.asarray(values, np.float64)
    mean = float(numbers.mean())
    residuals = np.bincount(places, weights=numbers - mean, minlength=count)
    variance = float(np.square(residuals).sum()) / len(numbers) ** 2 * count / (count - 1)
    return mean, variance, count


def _effective(values: Values, clusters: Values) -> float:
    """Return how many independent samples say as much: at most all, and as many as clusters where none differ."""
    _, variance, count = _moments(values, clusters)
    alone = float(np.var(values)) / len(values)
    if alone == 0:
        return float(count)
    return len(values) / max(1.0, variance / alone)


def _quantile(clusters: int, confidence: float) -> float:
    return float(stdtrit(clusters - 1, (1 + confidence) / 2))
