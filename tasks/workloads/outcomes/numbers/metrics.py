"""The metrics of predicted numbers: errors over all items of all samples.

A sample is a user, who has several items: what is drawn independently are users. So an interval is that of a ratio of
sums over users (W. G. Cochran, Sampling Techniques, 1977, chapter 6), to the first order (A. W. van der Vaart,
Asymptotic Statistics, 1998, chapter 3), its width by Student's t.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from tasks.records import Interval
from tasks.workloads.metric import Answers, Metric

COUNT, SQUARES, DISTANCES, SUM, SQUARE_SUM = range(5)  # columns of what is kept of a sample; the last two of targets
KEPT = 16  # numbers of a sample that are kept one by one, by which the best constant is found
Values = NDArray[np.float64]


def half_width(parts: Values, confidence: float) -> float:
    """Return half of the width of Student's interval for a mean.

    Args:
        parts: ``[n]``.
        confidence: two-sided.
    """
    from scipy.special import stdtrit

    count = len(parts)
    if count < 2:
        return float("inf")
    return float(stdtrit(count - 1, (1 + confidence) / 2)) * float(parts.std(ddof=1)) / float(np.sqrt(count))


class Error(Metric):
    """An error over all items: see :meth:`~.measuring.NumbersMeasuring.reduced` for what answers are."""

    less_is_better = True
    most = float("inf")
    digits = 4

    @abstractmethod
    def parts(self, answers: Answers) -> Values:
        """Return the share of each sample in the figure, to the first order: its mean is 0.

        Args:
            answers: of one model.
        """

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the figure with the interval of a ratio of sums."""
        value, half = self.value(answers), half_width(self.parts(answers), confidence)
        return Interval(value=value, low=max(0.0, value - half), high=value + half)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a difference of ratios on the same samples."""
        value = self.value(mine) - self.value(theirs)
        half = half_width(self.parts(mine) - self.parts(theirs), confidence)
        return Interval(value=value, low=value - half, high=value + half)


def _counts(answers: Answers) -> Values:
    return np.asarray(answers.outputs[:, COUNT], np.float64)


def _total(answers: Answers) -> float:
    return max(1.0, float(_counts(answers).sum()))


class Rmse(Error):
    """The root mean squared error."""

    name = "rmse"
    label = "RMSE"
    superlative = "nearest to the ratings"

    @property
    def noun(self) -> str:
        """The name within a sentence."""
        return self.label

    def value(self, answers: Answers) -> float:
        """Return the root of the mean of all squares."""
        return float(np.sqrt(answers.outputs[:, SQUARES].sum(dtype=np.float64) / _total(answers)))

    def parts(self, answers: Answers) -> Values:
        """Return ``(Σ e² − n · MSE) / (2 · RMSE · n̄)``.

        Args:
            answers: of one model.
        """
        value = self.value(answers)
        excess = answers.outputs[:, SQUARES].astype(np.float64) - value**2 * _counts(answers)
        return np.asarray(excess / max(1e-12, 2 * value * _total(answers) / len(answers)))

    def constant(self, answers: Answers) -> float:
        """Return what the mean of the numbers reaches."""
        total = _total(answers)
        mean = answers.targets[:, SUM].sum(dtype=np.float64) / total
        return float(np.sqrt(max(0.0, answers.targets[:, SQUARE_SUM].sum(dtype=np.float64) / total - mean**2)))


class Mae(Error):
    """The mean absolute error."""

    name = "mae"
    label = "MAE"

    @property
    def noun(self) -> str:
        """The name within a sentence."""
        return self.label

    def value(self, answers: Answers) -> float:
        """Return the mean of all distances."""
        return float(answers.outputs[:, DISTANCES].sum(dtype=np.float64) / _total(answers))

    def parts(self, answers: Answers) -> Values:
        """Return ``(Σ |e| − n · MAE) / n̄``.

        Args:
            answers: of one model.
        """
        excess = answers.outputs[:, DISTANCES].astype(np.float64) - self.value(answers) * _counts(answers)
        return np.asarray(excess / (_total(answers) / len(answers)))

    def constant(self, answers: Answers) -> float:
        """Return what the median reaches, of at most 16 numbers of each sample."""
        kept = answers.targets[:, SQUARE_SUM + 1 :].astype(np.float64)
        kept = kept[np.isfinite(kept)]
        return float(np.abs(kept - np.median(kept)).mean()) if kept.size else 0.0


METRICS = (Rmse(), Mae())
