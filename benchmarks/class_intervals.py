"""Count how often intervals of one class hold the truth, how wide they are, and how often they pass what is worse.

::

    python -m benchmarks.class_intervals                       # the table of the documentation
    python -m benchmarks.class_intervals --repetitions 200     # quicker

A class has a share of the samples; a model finds a part of it, its recall, and takes a part of all others for it. The
worse model misses two points more and a tenth of what was missed, and has a fifth more false alarms. On the shared
fraction of the samples one draw decides for both models. *Passed* is how often the worse model's difference is shown
to be less bad than it is, at the levels 0.025 and 0.001: what a rule's margin and the ledger allow is as much.
"""

import argparse
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.statistics import MacroMetric, class_interval, paired_class

METRICS: tuple[MacroMetric, ...] = ("recall", "precision", "f1")
POPULATIONS = ((800, 0.12), (2_000, 0.05), (2_000, 0.02), (20_000, 0.01))  # samples, and the share of the class
MODELS = ((0.95, 0.002), (0.8, 0.01))  # recall, and the share of the others that is taken for the class
SHARED = (0.0, 0.9)
HEAD = (
    "samples",
    "of the class",
    "recall",
    "shared",
    "metric",
    "difference",
    "passed at 0.025",
    "at 0.001",
    "one model",
)
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """A population, and the better model on it."""

    samples: int
    share: float
    recall: float
    false: float
    shared: float

    @property
    def worse(self) -> tuple[float, float]:
        """Recall and false alarms of the worse model."""
        return self.recall - 0.02 - 0.1 * (1 - self.recall), 1.2 * self.false

    def figure(self, metric: MacroMetric, recall: float, false: float) -> float:
        """The figure of a model in the population."""
        right, wrong = self.share * recall, (1 - self.share) * false
        over = {"recall": self.share, "precision": right + wrong, "f1": (self.share + right + wrong) / 2}[metric]
        return right / over

    def draw(self, rng: np.random.Generator) -> tuple[Labels, Labels, Labels]:
        """Labels, and the answers of the better and the worse model."""
        labels = rng.random(self.samples) < self.share
        first, own = rng.random((2, self.samples))
        second = np.where(rng.random(self.samples) < self.shared, first, own)
        recall, false = self.worse
        better = np.where(labels, first < self.recall, first < self.false)
        worse = np.where(labels, second < recall, second < false)
        return labels.astype(np.int64), better.astype(np.int64), worse.astype(np.int64)


def line(setting: Setting, metric: MacroMetric, repetitions: int) -> tuple[str, ...]:
    """A row of the table behind the setting: difference, passed at both levels, one model."""
    alone = setting.figure(metric, setting.recall, setting.false)
    truth, rng = setting.figure(metric, *setting.worse) - alone, np.random.default_rng(1)
    pairs, sure, single = [], [], []
    for _ in range(repetitions):
        labels, better, worse = setting.draw(rng)
        pairs.append(paired_class(labels, worse, better, of=1, metric=metric))
        sure.append(paired_class(labels, worse, better, of=1, metric=metric, confidence=0.998))
        single.append(class_interval(labels, better, of=1, metric=metric))
    held = np.mean([seen.low <= truth <= seen.high for seen in pairs])
    width = np.mean([seen.high - seen.low for seen in pairs]) / 2
    passed = (float(np.mean([seen.low > truth for seen in found])) for found in (pairs, sure))
    one, wide = (
        np.mean([seen.low <= alone <= seen.high for seen in single]),
        np.mean([seen.high - seen.low for seen in single]) / 2,
    )
    return f"{held:.3f}, ±{width:.3f}", *(f"{each:.4f}" for each in passed), f"{one:.3f}, ±{wide:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2_000)
    options = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for (samples, share), (recall, false), shared in itertools.product(POPULATIONS, MODELS, SHARED):
        setting = Setting(samples, share, recall, false, shared)
        for metric in METRICS:
            known = (f"{samples:,}", f"{share:.0%}", f"{recall:g}", f"{shared:g}", metric)
            print(f"| {' | '.join((*known, *line(setting, metric, options.repetitions)))} |", flush=True)


if __name__ == "__main__":
    main()
