"""Intervals for means of figures between 0 and 1, and for their paired differences."""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tasks.records import Interval
from tasks.statistics.proportions import score_bounds

Values = NDArray[Any]


def bounded_mean(values: Values, confidence: float = 0.95) -> Interval:
    """Return the interval for a mean of values from 0 to 1: Wilson's, for the mean in place of the proportion.

    No values with that mean vary more than those that are 0 or 1, so that the interval is at least as wide as it must
    be: E. B. Wilson, JASA 22 (1927) 209-212.

    Args:
        values: ``[n]``, at least one.
        confidence: two-sided.

    Raises:
        ValueError: there are no values, or one is outside of 0 … 1.
    """
    _check(values, 0.0)
    mean = float(values.mean())
    low, high = score_bounds(mean, len(values), confidence)
    return Interval(value=mean, low=low if mean > 0 else 0.0, high=high if mean < 1 else 1.0)


def paired_mean(differences: Values, confidence: float = 0.95) -> Interval:
    """Return the interval for the mean of paired differences from −1 to 1.

    Two pairs are added that say nothing for either side: half of one each at −1 and 1, and a whole one at 0. For
    differences of −1, 0 and 1 that is what A. Agresti and Y. Min add, Statistics in Medicine 24 (2005) 729-740: a half
    to each cell of the table. So the interval does not collapse where no pair differs, as the usual one does. Its width
    is by Student's t.

    Args:
        differences: ``[n]``, at least one.
        confidence: two-sided.

    Raises:
        ValueError: there are no differences, or one is outside of −1 … 1.
    """
    _check(differences, -1.0)
    count = len(differences) + 2
    centre = float(differences.sum()) / count
    variance = (float(np.square(differences).sum()) + 1) / count - centre**2
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * sqrt(variance / (count - 1))
    mean = float(differences.mean())
    return Interval(value=mean, low=max(-1.0, min(mean, centre - half)), high=min(1.0, max(mean, centre + half)))


def _check(values: Values, least: float) -> None:
    if not len(values) or not (least <= values.min() and values.max() <= 1):
        raise ValueError(f"Expected values from {least:g} to 1, at least one. Received: {values[:5]} of {len(values)}.")
