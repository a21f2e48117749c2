"""Classes of too few samples for a rule to pass, whatever the answers are."""

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np

from tasks.statistics.class_counts import Answers, ClassCounts, MacroMetric

MOST = 1 << 40  # samples


@dataclass(frozen=True)
class Scarce:
    """A class of too few samples.

    Attributes:
        index: of the class.
        samples: that it has; for precision, how often it was the answer.
        needed: of them, at the least.
    """

    index: int
    samples: int
    needed: int


def scarce_classes(
    labels: Answers,
    answers: Answers,
    *,
    classes: int,
    metric: MacroMetric,
    allowed: float,
    confidence: float = 0.95,
) -> tuple[Scarce, ...]:
    """Classes in which errors that have not occurred may take more than ``allowed`` off a macro average.

    While there is one, no interval for that average or its difference can show that it is within ``allowed``.

    Args:
        labels: true classes, ``[n]``.
        answers: the candidate's, ``[n]``.
        classes: how many there are.
        metric: which macro average.
        allowed: the margin of a difference, or the estimate's distance to its floor.
        confidence: of the two-sided interval.

    Returns:
        the classes, the smallest first.
    """
    counts = ClassCounts.of(labels, answers, classes, metric)
    losses = np.where(counts.base > 0, counts.losses(confidence), 1 / classes)
    found = [
        Scarce(int(index), int(counts.base[index]), _needed(int(index), counts, allowed, confidence))
        for index in np.flatnonzero(losses >= allowed)
    ]
    return tuple(sorted(found, key=lambda one: (one.samples, one.index)))


def _needed(index: int, counts: ClassCounts, allowed: float, confidence: float) -> int:
    """The least samples of a class, answered as they are, whose unseen errors take off less than ``allowed``."""

    def loss(samples: int) -> float:
        scaled = {name: getattr(counts, name).copy() for name in ("support", "answered", "right")}
        for of_each in scaled.values():
            of_each[index] = samples * (of_each[index] / counts.base[index] if counts.base[index] else 1.0)
        return float(replace(counts, **scaled).losses(confidence)[index])

    most = 1
    while loss(most) >= allowed and most < MOST:
        most *= 2
    return bisect_left(range(most + 1), True, lo=1, key=lambda samples: loss(samples) < allowed)
