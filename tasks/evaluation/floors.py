"""Intervals for one model's accuracy and macro averages, which floors are held against."""

import numpy as np
from numpy.typing import NDArray

from tasks.config import QualityMetric
from tasks.records import Interval
from tasks.statistics import macro_interval, wilson


def floor_interval(metric: QualityMetric, confusion: NDArray[np.int64], confidence: float = 0.95) -> Interval:
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
    labels, answers = np.divmod(np.repeat(np.arange(confusion.size), confusion.ravel()), len(confusion))
    return macro_interval(labels, answers, classes=len(confusion), metric=metric, confidence=confidence)
