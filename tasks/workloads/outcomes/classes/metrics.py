"""The metrics of classes: accuracy, and macro averages of precision, recall and F1, where 0 / 0 counts as 0.

A further metric is a class here and a place in :data:`METRICS`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tasks.records import Interval
from tasks.samples import Dataset
from tasks.verdicts import ScarceClass
from tasks.wording import percent
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.outcomes.classes.answers import classes_of, confusion_matrix, right, top

if TYPE_CHECKING:
    from tasks.statistics import MacroMetric

MOST_NAMED = 5  # classes in a sentence


class Accuracy(Metric):
    """The fraction of samples that get their class."""

    name = "accuracy"
    label = "accuracy"
    superlative = "most accurate"

    def value(self, answers: Answers) -> float:
        """Return the fraction."""
        return float(right(answers).sum() / len(answers))

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return Wilson's interval; see :func:`tasks.statistics.wilson`."""
        from tasks.statistics import wilson

        return wilson(int(right(answers).sum()), len(answers), confidence)

    def bounds(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the exact interval; see :func:`tasks.statistics.clopper_pearson`."""
        from tasks.statistics import clopper_pearson

        return clopper_pearson(int(right(answers).sum()), len(answers), confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return Tango's interval of a paired difference; see :func:`tasks.statistics.tango`."""
        from tasks.statistics import tango

        better, worse = right(mine) & ~right(theirs), right(theirs) & ~right(mine)
        return tango(int(better.sum()), int(worse.sum()), len(mine), confidence)

    def closest_difference(self, samples: int, confidence: float) -> Interval:
        """Return Tango's interval where no answer differs."""
        from tasks.statistics import tango

        return tango(0, 0, samples, confidence)

    def best_bounds(self, samples: int, confidence: float) -> Interval:
        """Return the exact interval where every answer is right."""
        from tasks.statistics import clopper_pearson

        return clopper_pearson(samples, samples, confidence)

    def constant(self, answers: Answers) -> float:
        """Return the share of the most frequent class."""
        return _share(answers)

    def clause(self, value: float) -> str:
        """Say for how many it is right."""
        return f"it is right for {percent(value)}"

    def brief(self, value: float) -> str:
        """Say how many are right."""
        return f"{percent(value)} right"


class MacroAverage(Metric):
    """A figure of each class, averaged over all classes."""

    kind: ClassVar["MacroMetric"]

    def value(self, answers: Answers) -> float:
        """Return the average."""
        from tasks.statistics import macro

        table = confusion_matrix(answers)
        hits, answered, support = (
            counts.astype(np.float64) for counts in (table.diagonal(), table.sum(axis=0), table.sum(axis=1))
        )
        return float(macro(hits, answered, support, self.kind))

    def blind(self, answers: Answers) -> float:
        """Return what guessing reaches of K classes: 1 / K, by all three averages.

        Let a share ``p_k`` of the samples be of class k, and a guess say k with the probability ``q_k``, whatever the
        sample: both at once has ``p_k q_k``. Then class k has the recall ``q_k``; they sum up to 1. Its precision is
        ``p_k`` if it is ever said; they sum up to 1 if all classes are. Its F1 is ``2 p_k q_k / (p_k + q_k)``, concave
        in ``q_k`` with the slope ``2 p_k² / (p_k + q_k)²``; under ``Σ q_k = 1`` the sum is largest where all slopes are
        equal (the condition of Karush, Kuhn and Tucker), at ``q = p``, where class k has ``p_k``: they sum up to 1.
        """
        return 1 / classes_of(answers)

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return Wilson's interval for the average's variance; see :func:`tasks.statistics.macro_interval`."""
        from tasks.statistics import macro_interval

        labels, said, classes = answers.targets, top(answers), classes_of(answers)
        return macro_interval(labels, said, classes=classes, metric=self.kind, confidence=confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a paired difference; see :func:`tasks.statistics.paired_macro`."""
        from tasks.statistics import paired_macro

        said, classes = (top(mine), top(theirs)), classes_of(mine)
        return paired_macro(mine.targets, *said, classes=classes, metric=self.kind, confidence=confidence)

    def find_scarce(
        self, answers: Answers, dataset: Dataset, allowed: float, confidence: float
    ) -> tuple[ScarceClass, ...]:
        """Name the classes of too few samples, the smallest first; see :func:`tasks.statistics.scarce_classes`."""
        from tasks.statistics import scarce_classes

        names = dataset.classes
        found = scarce_classes(
            answers.targets,
            top(answers),
            classes=len(names),
            metric=self.kind,
            allowed=allowed,
            confidence=confidence,
        )
        return tuple(ScarceClass(name=names[one.index], samples=one.samples, needed=one.needed) for one in found)

    def explain_scarce(self, scarce: Sequence[ScarceClass]) -> str:
        """Say that no interval can be within, and which classes are too small."""
        if not scarce:
            return ""
        counted = "answers" if self.kind == "precision" else "samples"
        named = [f"{one.name} has {one.samples:,} and needs {one.needed:,}" for one in scarce[:MOST_NAMED]]
        more = f", and {len(scarce) - MOST_NAMED:,} more" if len(scarce) > MOST_NAMED else ""
        return f" No interval can be within, as there are too few {counted} of a class: {', '.join(named)}{more}."


class Precision(MacroAverage):
    """Precision: of the samples that are given a class, the fraction that are of it."""

    name = kind = "precision"
    label = "precision, macro"
    superlative = "most precise"

    def constant(self, answers: Answers) -> float:
        """Return that of the most frequent class; no other is answered."""
        return _share(answers) / classes_of(answers)


class Recall(MacroAverage):
    """Recall: of a class's samples, the fraction that is found."""

    name = kind = "recall"
    label = "recall, macro"

    def constant(self, answers: Answers) -> float:
        """Return 1 for one class and 0 for the others."""
        return 1 / classes_of(answers)


class F1(MacroAverage):
    """The harmonic mean of precision and recall."""

    name = kind = "f1"
    label = "F1, macro"

    def constant(self, answers: Answers) -> float:
        """Return that of the most frequent class; of the others it is 0."""
        share = _share(answers)
        return 2 * share / (1 + share) / classes_of(answers)


def _share(answers: Answers) -> float:
    """Return the share of the most frequent class."""
    return float(np.bincount(answers.targets, minlength=classes_of(answers)).max()) / len(answers)


METRICS: tuple[Metric, ...] = (Accuracy(), Precision(), Recall(), F1())
