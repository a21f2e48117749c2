"""Rules that test samples cannot prove, however good a candidate is: known before anything is trained."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tasks.config import QualityRule, Rule
from tasks.records import Interval
from tasks.samples import Dataset
from tasks.workloads.measuring import OutcomeMeasuring
from tasks.workloads.metric import Metric

MOST = 10_000_000  # samples that are asked for
Best = Callable[[int], Interval | None]  # the best that so many samples can show


class Demand(NamedTuple):
    """One limit of a rule, and what it takes: ``key`` of the rule, its value, and whether an interval is within it."""

    key: str
    value: float
    best: Best
    holds: Callable[[Interval], bool]

    def proves(self, samples: int) -> bool:
        """Return whether so many samples can prove it.

        Args:
            samples: of the test split.
        """
        best = self.best(samples)
        return best is None or self.holds(best)


def too_few(rules: Iterable[Rule], samples: int, metrics: Iterable[Metric]) -> str | None:
    """Say which limit so many test samples cannot prove, and how many could.

    The candidate is taken to give the other model's answers, or for a floor only right ones, and the decision to be the
    first one on these samples: every real one takes more. A metric whose best interval hangs on the answers is left to
    the gate.

    Args:
        rules: of params.yaml.
        samples: in the test split.
        metrics: of the outcome.

    Returns:
        a sentence about the first such rule; None where each can be proven.
    """
    known = {metric.name: metric for metric in metrics}
    for rule in rules:
        if not isinstance(rule, QualityRule) or rule.per_class or rule.of or rule.metric not in known:
            continue
        for demand in _demands(rule, known[rule.metric]):
            if not demand.proves(samples):
                needed = bisect_left(range(MOST), True, lo=1, key=demand.proves)
                return (
                    f"The gate's rule {{metric: {rule.metric}, {demand.key}: {demand.value:g}}} cannot be proven with "
                    f"{samples:,} test samples: it takes at least {needed:,}, several times as many where answers "
                    f"differ. Add samples, set a larger data.split.test before the first run, or change {demand.key} "
                    f"in gate.rules."
                )
    return None


def expect_known_classes(rules: Iterable[Rule], measuring: OutcomeMeasuring, dataset: Dataset) -> None:
    """Refuse rules about a class that the data has not, before anything is trained.

    Args:
        rules: of params.yaml.
        measuring: of the outcome.
        dataset: what was prepared.

    Raises:
        ConfigError: there is one.
    """
    for rule in rules:
        if isinstance(rule, QualityRule) and rule.of is not None:
            measuring.metric_of(rule, dataset)


def _demands(rule: QualityRule, metric: Metric) -> Iterator[Demand]:
    def difference(samples: int) -> Interval | None:
        return metric.closest_difference(samples, rule.confidence)

    def bounds(samples: int) -> Interval | None:
        return metric.best_bounds(samples, rule.confidence)

    if (margin := rule.margin) is not None:
        less = metric.less_is_better
        yield Demand("margin", margin, difference, lambda seen: seen.high < margin if less else seen.low > -margin)
    if (floor := rule.min) is not None:
        yield Demand("min", floor, bounds, lambda seen: seen.low >= floor)
    if (ceiling := rule.max) is not None:
        yield Demand("max", ceiling, bounds, lambda seen: seen.high <= ceiling)
