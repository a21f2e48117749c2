"""Intervals for one class: its recall, precision and F1, of one model and of the difference of two.

Of one model they are exact. Recall is a proportion of the class's samples, precision one of the samples that were
answered with it, and F1 = 2 J / (1 + J) grows with the Jaccard index J, a proportion of the samples for which one or
the other holds (P. Jaccard, 1901). Given how many these are, the right answers among them are binomial, so the bounds
of C. J. Clopper and E. S. Pearson (The use of confidence or fiducial limits illustrated in the case of the binomial,
Biometrika 26 (1934) 404-413) hold, each with at most its level, whatever the share of the class is.

A difference of recall is one of paired proportions: Tango's interval on the class's samples. Those of precision and F1
are ratios with other denominators for each model: the delta method's interval of
:mod:`tasks.statistics.macro_averages`, of this class alone beside all others together.
"""

import numpy as np

from tasks.records import Interval
from tasks.statistics.class_counts import Answers, MacroMetric
from tasks.statistics.macro_averages import paired_macro
from tasks.statistics.proportions import clopper_pearson, tango

UNKNOWN = Interval(value=0.0, low=0.0, high=1.0)  # of a class without samples, or without answers
UNKNOWN_DIFFERENCE = Interval(value=0.0, low=-1.0, high=1.0)


def class_interval(
    labels: Answers, answers: Answers, *, of: int, metric: MacroMetric, confidence: float = 0.95
) -> Interval:
    """Return a model's figure of one class, with its exact interval.

    Args:
        labels: true classes, ``[n]``.
        answers: the model's, ``[n]``.
        of: the class.
        metric: precision, recall or F1.
        confidence: of the two-sided interval.
    """
    is_it, said = labels == of, answers == of
    counted = {"recall": is_it, "precision": said, "f1": is_it | said}[metric]
    if not counted.any():
        return UNKNOWN
    seen = clopper_pearson(int((is_it & said).sum()), int(counted.sum()), confidence)
    if metric != "f1":
        return seen
    return Interval(**{name: 2 * share / (1 + share) for name, share in seen.model_dump().items()})


def paired_class(
    labels: Answers, candidate: Answers, other: Answers, *, of: int, metric: MacroMetric, confidence: float = 0.95
) -> Interval:
    """Return the difference of two models' figures of one class on the same samples.

    Args:
        labels: true classes, ``[n]``.
        candidate: the candidate's answers, ``[n]``.
        other: the other model's answers, ``[n]``.
        of: the class.
        metric: precision, recall or F1.
        confidence: of the two-sided interval.

    Returns:
        candidate − other.
    """
    is_it, mine, theirs = labels == of, candidate == of, other == of
    if not is_it.any():
        return UNKNOWN_DIFFERENCE
    if metric == "recall":
        better, worse = is_it & mine & ~theirs, is_it & theirs & ~mine
        return tango(int(better.sum()), int(worse.sum()), int(is_it.sum()), confidence)
    others, ours, rivals = (chosen.astype(np.int64) for chosen in (is_it, mine, theirs))
    return paired_macro(others, ours, rivals, classes=2, metric=metric, confidence=confidence, only=1)
