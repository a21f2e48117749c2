"""Count how often intervals of the gate's macro averages hold the truth, and how wide they are: a Markdown table.

::

    python benchmarks/intervals.py                                     # at 95 %, what the documentation shows
    python benchmarks/intervals.py --confidence 0.999 --repetitions 4000
    python benchmarks/intervals.py --levels 0.025 0.001                # how often a worse model passes

Labels are drawn from unequal classes, answers from a confusion matrix in which a wrong answer is the likelier the
larger its class. A fraction of the samples is shared: there one number decides for both models whether they are right.
Where that is so of all samples, the models differ in the smallest classes alone, the hardest case for an interval.
Beside the interval stands the one before it, a percentile bootstrap that is never narrower than small classes allow
(Tango's intervals of the classes, combined by MOVER).
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from tasks.records import Interval
from tasks.statistics import MacroMetric, macro, macro_interval, paired_macro, tango
from tasks.statistics.class_counts import Answers, ClassCounts, Reals

Spread = Literal["balanced", "geometric", "power"]
METRICS: tuple[MacroMetric, ...] = ("recall", "precision", "f1")
REPLICATES = 1_000  # of the bootstrap
FEWEST = 5  # samples that the smallest class is expected to have
GAP = 0.1  # of the accuracies in classes in which alone the models differ
HEAD = ("samples", "classes", "sizes", "accuracy", "shared", "apart", "metric", "difference", "before", "one model")


@dataclass(frozen=True)
class Setting:
    """A population.

    Attributes:
        samples: that are drawn of it.
        classes: how many.
        spread: their sizes: all the same, geometric, or 1, 1/2, 1/3 …
        accuracy: of the first model, in each class.
        shared: the fraction of the samples on which one draw decides for both models whether they err.
        smallest: the size of the smallest class to that of the largest, for geometric sizes.
        apart: so many of the smallest classes are those in which alone the models differ, by ``GAP``; 0: in all of
            them the second model errs a fifth more often.
    """

    samples: int
    classes: int
    spread: Spread
    accuracy: float
    shared: float
    smallest: float = 0.05
    apart: int = 0

    def __str__(self) -> str:
        return f"{self.samples}-{self.classes}-{self.spread}-{self.accuracy}-{self.shared}-{self.apart}"

    @property
    def sizes(self) -> Reals:
        """Probability of each class."""
        place = np.arange(self.classes)
        weights = {
            "balanced": np.ones(self.classes),
            "geometric": self.smallest ** (place / max(1, self.classes - 1)),
            "power": 1 / (1 + place),
        }[self.spread]
        return np.asarray(weights / weights.sum())

    @property
    def accuracies(self) -> tuple[Reals, Reals]:
        """Of both models, by class."""
        mine = np.full(self.classes, self.accuracy)
        if not self.apart:
            return mine, mine - (1 - mine) / 5
        return mine, mine - GAP * (np.arange(self.classes) >= self.classes - self.apart)

    def confusion(self, accuracy: Reals) -> Reals:
        """Probability of each answer by true class, of a model with such accuracies."""
        wrong = np.tile(self.sizes, (self.classes, 1))
        np.fill_diagonal(wrong, 0)
        errors = (1 - accuracy)[:, np.newaxis] * wrong / wrong.sum(axis=1, keepdims=True)
        return np.asarray(np.diag(accuracy) + errors)

    def truths(self, metric: MacroMetric) -> tuple[float, float]:
        """The macro averages of the population, of both models."""
        first, second = (
            ClassCounts(joint.sum(axis=1), joint.sum(axis=0), np.diag(joint).copy(), metric).value
            for joint in (self.sizes[:, np.newaxis] * self.confusion(accuracy) for accuracy in self.accuracies)
        )
        return first, second

    def draw(self, rng: np.random.Generator) -> tuple[Answers, Answers, Answers]:
        """Labels and the answers of both models."""
        labels = rng.choice(self.classes, self.samples, p=self.sizes)
        first, own = rng.random((2, self.samples))
        second = np.where(rng.random(self.samples) < self.shared, first, own)
        mine, theirs = self.accuracies
        return labels, self._answers(labels, first, mine), self._answers(labels, second, theirs)

    def _answers(self, labels: Answers, drawn: Reals, accuracy: Reals) -> Answers:
        """Right where what was drawn is below the accuracy, else another class by what is left of it."""
        wrong = self.confusion(accuracy)
        np.fill_diagonal(wrong, 0)
        right = accuracy[labels]
        rest = (np.maximum(drawn, right) - right)[:, np.newaxis]
        others = np.minimum((wrong.cumsum(axis=1)[labels] <= rest).sum(axis=1), self.classes - 1)
        return np.asarray(np.where(drawn < right, labels, others))


@dataclass(frozen=True)
class Coverage:
    """The share of intervals that held the truth, and half of their width on the average."""

    held: float
    half_width: float

    @classmethod
    def of(cls, intervals: Sequence[Interval], truth: float) -> "Coverage":
        return cls(
            float(np.mean([one.low <= truth <= one.high for one in intervals])),
            float(np.mean([one.high - one.low for one in intervals])) / 2,
        )

    def __str__(self) -> str:
        return f"{self.held:.3f}, ±{self.half_width:.3f}"


def coverage(
    setting: Setting, metric: MacroMetric, confidence: float, repetitions: int, seed: int = 1
) -> tuple[Coverage, Coverage]:
    """Of the interval for a difference, and of that for one model."""
    rng = np.random.default_rng(seed)
    pairs, alone = [], []
    for labels, mine, theirs in (setting.draw(rng) for _ in range(repetitions)):
        known = {"classes": setting.classes, "metric": metric, "confidence": confidence}
        pairs.append(paired_macro(labels, mine, theirs, **known))  # type: ignore[arg-type]
        alone.append(macro_interval(labels, mine, **known))  # type: ignore[arg-type]
    true, others = setting.truths(metric)
    return Coverage.of(pairs, true - others), Coverage.of(alone, true)


def passed(setting: Setting, metric: MacroMetric, levels: Sequence[float], repetitions: int, seed: int = 3) -> Reals:
    """Return how often the difference of the worse model is shown to be less bad than it is, at each level."""
    rng, (better, worse) = np.random.default_rng(seed), setting.truths(metric)
    found = np.zeros((repetitions, len(levels)))
    for row in found:
        labels, mine, theirs = setting.draw(rng)
        for column, level in enumerate(levels):
            known = {"classes": setting.classes, "metric": metric, "confidence": 1 - 2 * level}
            row[column] = paired_macro(labels, theirs, mine, **known).low > worse - better  # type: ignore[arg-type]
    return np.asarray(found.mean(axis=0))


def coverage_before(
    setting: Setting, metric: MacroMetric, confidence: float, repetitions: int, seed: int = 1
) -> Coverage:
    """Of the bootstrap interval that the gate had."""
    rng = np.random.default_rng(seed)
    found = [before(*setting.draw(rng), setting.classes, metric, confidence) for _ in range(repetitions)]
    true, others = setting.truths(metric)
    return Coverage.of(found, true - others)


def before(
    labels: Answers, mine: Answers, theirs: Answers, classes: int, metric: MacroMetric, confidence: float
) -> Interval:
    """Percentile bootstrap, never narrower than Tango's intervals of the classes combined by MOVER."""
    rng = np.random.default_rng(1)
    (truth, first, second), counts = np.unique(np.stack([labels, mine, theirs]), axis=1, return_counts=True)
    drawn = rng.multinomial(len(labels), counts / len(labels), size=REPLICATES).astype(np.float64)
    is_class = np.eye(classes)

    def averages(answers: Answers) -> Reals:
        right = is_class[truth] * (truth == answers)[:, np.newaxis]
        return macro(drawn @ right, drawn @ is_class[answers], drawn @ is_class[truth], metric)

    low, high = np.quantile(averages(first) - averages(second), [(1 - confidence) / 2, (1 + confidence) / 2])
    value = paired_macro(labels, mine, theirs, classes=classes, metric=metric).value
    better = np.bincount(labels[(mine == labels) & (theirs != labels)], minlength=classes)
    worse = np.bincount(labels[(mine != labels) & (theirs == labels)], minlength=classes)
    support = np.bincount(labels, minlength=classes)
    each = [tango(int(b), int(w), int(n), confidence) for b, w, n in zip(better, worse, support, strict=True) if n]
    below = sqrt(sum((one.value - one.low) ** 2 for one in each)) / classes
    above = sqrt(sum((one.high - one.value) ** 2 for one in each)) / classes
    return Interval(value=value, low=min(float(low), value - below), high=max(float(high), value + above))


def settings() -> Iterator[Setting]:
    """The grid, without what leaves the smallest class with hardly a sample."""
    spreads: tuple[Spread, ...] = ("balanced", "geometric", "power")
    everywhere = itertools.product((300, 2_000), (2, 10, 40), spreads, (0.6, 0.9, 0.99), (0.0, 0.9))
    somewhere = itertools.product((300, 2_000), spreads, (1, 2))
    for setting in itertools.chain(
        (Setting(*grid) for grid in everywhere),
        (Setting(samples, 10, spread, 0.9, 1.0, apart=apart) for samples, spread, apart in somewhere),
    ):
        if setting.samples * setting.sizes.min() >= FEWEST:
            yield setting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--before", type=int, default=200, help="repetitions of the bootstrap, which is slow; 0: none")
    parser.add_argument("--samples", type=int, nargs="+", default=[300, 2_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 10, 40])
    parser.add_argument("--sizes", nargs="+", default=["balanced", "geometric", "power"])
    parser.add_argument("--levels", type=float, nargs="+", help="print how often a worse model passes at these")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=METRICS)
    options = parser.parse_args()
    head = (*HEAD[:7], *map(str, options.levels)) if options.levels else HEAD
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for setting in settings():
        if (
            setting.samples not in options.samples
            or setting.classes not in options.classes
            or setting.spread not in options.sizes
        ):
            continue
        for metric in options.metrics:
            known = (setting.classes, setting.spread, setting.accuracy, setting.shared, setting.apart or "", metric)
            if options.levels:
                shares = passed(setting, metric, options.levels, options.repetitions)
                print(f"| {' | '.join((f'{setting.samples:,}', *map(str, known), *map('{:.4f}'.format, shares)))} |")
                continue
            paired, alone = coverage(setting, metric, options.confidence, options.repetitions)
            old = coverage_before(setting, metric, options.confidence, options.before) if options.before else ""
            print(f"| {' | '.join(map(str, (f'{setting.samples:,}', *known, paired, old, alone)))} |", flush=True)


if __name__ == "__main__":
    main()
