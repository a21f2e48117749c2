"""Rules that test samples cannot prove, however good a candidate is: known before anything is trained."""

from bisect import bisect_left
from collections.abc import Callable, Iterable

from tasks.config import QualityRule, Rule
from tasks.statistics import clopper_pearson, tango

MOST = 10_000_000  # samples that are asked for


def too_few(rules: Iterable[Rule], samples: int) -> str | None:
    """Say which limit of accuracy so many test samples cannot prove, and how many could.

    The candidate is taken to give the other model's answers, or for a floor only right ones, and the decision to be the
    first one on these samples: every real one takes more.

    Args:
        rules: of params.yaml.
        samples: in the test split.

    Returns:
        a sentence about the first such rule; None where each can be proven.
    """
    for rule in rules:
        if not isinstance(rule, QualityRule) or rule.metric != "accuracy":
            continue
        for key, limit, proves in (
            ("margin", rule.margin, _margin_is_proven(rule)),
            ("min", rule.min, _floor_is_proven(rule)),
        ):
            if limit is not None and not proves(samples):
                needed = bisect_left(range(MOST), True, lo=1, key=proves)
                return (
                    f"The gate's rule {{metric: accuracy, {key}: {limit:g}}} cannot be proven with {samples:,} test "
                    f"samples: it takes at least {needed:,}, several times as many where answers differ. Add samples, "
                    f"set a larger data.split.test before the first run, or change {key} in gate.rules."
                )
    return None


def _margin_is_proven(rule: QualityRule) -> Callable[[int], bool]:
    return lambda samples: rule.margin is not None and tango(0, 0, samples, rule.confidence).low > -rule.margin


def _floor_is_proven(rule: QualityRule) -> Callable[[int], bool]:
    return lambda samples: rule.min is not None and clopper_pearson(samples, samples, rule.confidence).low >= rule.min
