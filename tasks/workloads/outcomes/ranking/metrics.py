"""The metrics of a ranking: means over samples of figures between 0 and 1."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.records import Interval
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.outcomes.ranking.ranks import CUTOFF, FIGURES


class Mean(Metric):
    """The mean of one figure of the samples. Answers are figures, see :func:`~.measuring.RankingMeasuring.reduced`."""

    @property
    def column(self) -> int:
        """The place of the figure."""
        return FIGURES.index(self.name)

    def each(self, answers: Answers) -> NDArray[np.float64]:
        """Return the figure of each sample, ``[n]``.

        Args:
            answers: of one model.
        """
        return np.asarray(answers.outputs[:, self.column], np.float64)

    def value(self, answers: Answers) -> float:
        """Return the mean."""
        return float(self.each(answers).mean())

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a mean between 0 and 1; see :func:`tasks.statistics.bounded_mean`."""
        from tasks.statistics import bounded_mean

        return bounded_mean(self.each(answers), confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a paired difference; see :func:`tasks.statistics.paired_mean`."""
        from tasks.statistics import paired_mean

        return paired_mean(self.each(mine) - self.each(theirs), confidence)

    def closest_difference(self, samples: int, confidence: float) -> Interval:
        """Return the interval where no figure differs."""
        from tasks.statistics import paired_mean

        return paired_mean(np.zeros(samples), confidence)

    def best_bounds(self, samples: int, confidence: float) -> Interval:
        """Return the interval where everything is found at the first place."""
        from tasks.statistics import bounded_mean

        return bounded_mean(np.ones(samples), confidence)

    def constant(self, answers: Answers) -> float:
        """Return what the most frequent items reach, named to everybody."""
        return float(answers.targets[:, self.column].mean())


class Ndcg(Mean):
    """NDCG of the first ten, where all items that a user does not have are ranked."""

    name = "ndcg"
    label = f"NDCG@{CUTOFF}"
    superlative = "best ranking"

    @property
    def noun(self) -> str:
        """The name within a sentence."""
        return self.label


class HitRate(Mean):
    """The fraction of samples of which an item to be found is among the first ten."""

    name = "hit_rate"
    label = f"HR@{CUTOFF}"


class Recall(Mean):
    """The fraction of the items to be found that are among the first ten; the hit rate where there is one of each."""

    name = "recall"
    label = f"recall@{CUTOFF}"


class SampledNdcg(Mean):
    """NDCG of the first ten among 100: the item to be found, and 99 drawn at random.

    It is no estimate of the one over all items and may order models otherwise: W. Krichene and S. Rendle, On Sampled
    Metrics for Item Recommendation, KDD 2020. It is there to be compared with what papers report.
    """

    name = "sampled_ndcg"
    label: ClassVar[str] = f"NDCG@{CUTOFF} of 100"


class SampledHitRate(Mean):
    """The hit rate among 100: the item to be found, and 99 drawn at random; see :class:`SampledNdcg`."""

    name = "sampled_hit_rate"
    label: ClassVar[str] = f"HR@{CUTOFF} of 100"


METRICS = (Ndcg(), HitRate(), Recall(), SampledNdcg(), SampledHitRate())
