"""Answers counted by class, the macro averages of the counts, and what one more error would change."""

from dataclasses import dataclass
from math import log1p
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MacroMetric = Literal["precision", "recall", "f1"]
Answers = NDArray[np.int64]
Reals = NDArray[np.float64]


def divide(numerator: Reals, denominator: Reals) -> Reals:
    """Return quotients, where nothing over nothing is 0.

    Args:
        numerator: of any shape.
        denominator: of the same shape.
    """
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def unseen_share(samples: Reals, confidence: float) -> Reals:
    """Return the largest share of events that samples without any of them are consistent with; 1 of no samples.

    With that share, none occurs with the probability ``1 - confidence``: ``(1 - share) ** samples``. At 95 % it is
    nearly three events, the rule of three: J. A. Hanley and A. Lippman-Hand, If nothing goes wrong, is everything all
    right?, JAMA 249 (1983) 1743-1745.

    Args:
        samples: how many, for each class ``[k]``.
        confidence: the probability with which a larger share would have shown an event.
    """
    exponent = np.full_like(samples, -np.inf)
    np.divide(log1p(-confidence), samples, out=exponent, where=samples > 0)
    return np.asarray(-np.expm1(exponent))


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
    return np.asarray(divide(right, over).mean(axis=-1))


@dataclass(frozen=True)
class ClassCounts:
    """A model's answers on labelled samples; each array is float64 ``[classes]``.

    Attributes:
        support: samples of each class.
        answered: how often each class was the answer.
        right: right answers of each class.
        metric: the macro average that is looked at: the mean over the classes of ``right / support`` (recall),
            ``right / answered`` (precision) or ``2 right / (support + answered)`` (F1).
        only: the class whose figure alone is looked at, in place of the average.
    """

    support: Reals
    answered: Reals
    right: Reals
    metric: MacroMetric
    only: int | None = None

    @classmethod
    def of(
        cls, labels: Answers, answers: Answers, classes: int, metric: MacroMetric, only: int | None = None
    ) -> "ClassCounts":
        """Return the counts of answers.

        Args:
            labels: numbers of classes, ``[n]``.
            answers: numbers of classes, ``[n]``.
            classes: how many there are.
            metric: whose denominators count.
            only: the class that is looked at; None: the average of all.
        """
        support, answered, right = (
            np.bincount(chosen, minlength=classes).astype(np.float64)
            for chosen in (labels, answers, labels[labels == answers])
        )
        return cls(support, answered, right, metric, only)

    @property
    def base(self) -> Reals:
        """Samples whose errors count in each class: those that were answered with it, for recall and F1 those of it."""
        return self.answered if self.metric == "precision" else self.support

    @property
    def values(self) -> Reals:
        """The metric of each class."""
        return self._values(np.zeros_like(self.right))

    @property
    def value(self) -> float:
        """The macro average, or the figure of the one class."""
        if self.only is not None:
            return float(self.values[self.only])
        return float(macro(self.right, self.answered, self.support, self.metric))

    @property
    def bias(self) -> float:
        """Return by how much the macro average is expected to be below the truth: of F1, to the second order.

        The ratio of ``N = 2 right`` to ``D = support + answered``, sums over samples in which each sample adds
        0, 1 or 2, has the bias ``(F var D - cov(N, D)) / D² = -F (1 - F) / D``.
        """
        f1 = self.values
        return float(self._weighed(divide(f1 * (1 - f1), self._denominator)).sum()) if self.metric == "f1" else 0.0

    def influence(self, labels: Answers, answers: Answers) -> Reals:
        """Return how each sample moves the macro average: the delta method's derivative / n, ``[n]``, with a mean of 0.

        Each class's part is larger by ``sqrt(D / (D - 1))``, Bessel's correction for the variance of ``D`` samples.

        Args:
            labels: numbers of classes, ``[n]``.
            answers: numbers of classes, ``[n]``.
        """
        share = self._share * np.sqrt(np.maximum(1.0, divide(self._denominator, self._denominator - 1)))
        missed = share * self.values
        moved = np.where(labels == answers, (2 if self.metric == "f1" else 1) * share[labels], 0.0)
        if self.metric != "precision":
            moved -= missed[labels]
        if self.metric != "recall":
            moved -= missed[answers]
        return moved

    @property
    def error(self) -> Reals:
        """Return how much one more error in each class takes off the macro average.

        For F1 it is a miss of this class and a false alarm of another one, which one is taken as answers are spread.
        """
        return self._share * (2 - self.values if self.metric == "f1" else 1) + self._false_alarm

    def losses(self, confidence: float) -> Reals:
        """Return what errors of a kind that did not occur in a class may take off the average, class by class.

        Args:
            confidence: of the interval.
        """
        lost = unseen_share(self.base, confidence) * self.right
        return self._weighed(self.values - self._values(-lost)) + lost * self._false_alarm

    def gains(self, confidence: float) -> Reals:
        """Return what right answers of a kind that did not occur in a class may add to the average, class by class.

        Args:
            confidence: of the interval.
        """
        won = unseen_share(self.base, confidence) * (self.base - self.right)
        return self._weighed(self._values(won) - self.values) + won * self._false_alarm

    @property
    def unknown(self) -> float:
        """The share of the classes of which nothing is known: no sample of them, or for precision no answer."""
        return float(self._weighed((self.base == 0).astype(np.float64)).sum())

    @property
    def _share(self) -> Reals:
        """A class's part of the macro average, for each sample that its denominator counts."""
        return self._weighed(divide(np.ones_like(self.right), self._denominator))

    def _weighed(self, values: Reals) -> Reals:
        """Values of the classes by their weights in what is looked at: all the same, or those of one class alone."""
        if self.only is None:
            return values / len(self.right)
        return np.where(np.arange(len(self.right)) == self.only, values, 0.0)

    @property
    def _false_alarm(self) -> Reals:
        """Return what one more false alarm in other classes, taken as answers are spread, takes off macro F1."""
        if self.metric != "f1":
            return np.zeros_like(self.right)
        each = self.values * self._share
        others = self.answered.sum() - self.answered
        return divide(float(self.answered @ each) - self.answered * each, others)

    @property
    def _denominator(self) -> Reals:
        return self.support + self.answered if self.metric == "f1" else self.base

    def _values(self, more_right: Reals) -> Reals:
        """The metric of each class if so many more of its samples were right."""
        if self.metric == "f1":
            return divide(2 * (self.right + more_right), self._denominator + more_right)
        return divide(self.right + more_right, self._denominator)
