"""Judge the rule that no class may lose: recall, class by class, on the same samples.

The classes' samples are different ones, so their intervals are independent, and all K hold at once with the confidence
c if each has c^(1/K): Z. Šidák, Rectangular confidence regions for the means of multivariate normal distributions,
JASA 62 (1967) 626-633. Then the least difference lies between the least lower bound and the least upper one.
"""

from dataclasses import dataclass

import numpy as np

from tasks.gate_settings import QualityRule
from tasks.records import Interval
from tasks.statistics import tango
from tasks.verdicts import RuleVerdict, decide, level, whose
from tasks.wording import points, points_interval
from tasks.workloads.measuring import Pair
from tasks.workloads.outcomes.classes.answers import right

MOST_NAMED = 5  # classes in a sentence
MOST_SAMPLES = 100_000_000  # beyond which no number is named


@dataclass(frozen=True)
class ClassDifference:
    """A class, its samples, and by how much its recall differs: ``seen`` is None where it has no samples."""

    name: str
    samples: int
    better: int
    worse: int
    seen: Interval | None

    @property
    def low(self) -> float:
        """The lower bound; without samples nothing is known."""
        return self.seen.low if self.seen else -1.0

    @property
    def high(self) -> float:
        """The upper bound."""
        return self.seen.high if self.seen else 1.0


def judge_classes(rule: QualityRule, pair: Pair) -> RuleVerdict:
    """Return whether recall is non-inferior in every class, all classes together at the rule's confidence.

    Args:
        rule: with a margin, class by class.
        pair: the candidate's answers and those of the model that it is compared with.
    """
    margin = rule.margin or 0.0
    confidence = simultaneous(rule.confidence, len(pair.dataset.classes))
    classes = class_differences(pair, confidence)
    low, high = min(each.low for each in classes), min(each.high for each in classes)
    judgement, _ = decide(low > -margin, high < -margin)
    open_ones = sorted((each for each in classes if each.low <= -margin), key=lambda each: (each.high, each.low))
    many = len(classes)
    if not open_ones:
        judged = f"each of the {many} classes loses less than the allowed {points(margin).lstrip('+')} points"
    else:
        named = "; ".join(describe_difference(each, margin, confidence) for each in open_ones[:MOST_NAMED])
        more = f"; and {len(open_ones) - MOST_NAMED} more" if len(open_ones) > MOST_NAMED else ""
        judged = (
            f"{len(open_ones)} of the {many} classes are not shown to lose less than the allowed "
            f"{points(margin).lstrip('+')} points: {named}{more}"
        )
    return RuleVerdict(
        metric="recall_per_class",
        versus=pair.versus,
        outcome=judgement,
        value=min((each.seen.value for each in classes if each.seen), default=0.0),
        low=low,
        high=high,
        limit=-margin,
        sentence=(
            f"Beside {whose(pair.versus)} recall on {pair.split}, {judged} (all intervals together: "
            f"{level(rule.confidence)}, Šidák's correction for {many} classes)."
        ),
    )


def simultaneous(confidence: float, intervals: int) -> float:
    """Return the confidence of each of several independent intervals that hold at once with the one given.

    Args:
        confidence: of all together.
        intervals: how many.
    """
    return float(confidence ** (1 / intervals))


def class_differences(pair: Pair, confidence: float) -> list[ClassDifference]:
    """Return the differences in recall of each class between two models on the same samples.

    Args:
        pair: their answers.
        confidence: of each class's interval.
    """
    mine, theirs, names, labels = right(pair.mine), right(pair.theirs), pair.dataset.classes, pair.mine.targets
    better, worse, samples = (
        np.bincount(labels[chosen], minlength=len(names)).tolist()
        for chosen in (mine & ~theirs, theirs & ~mine, labels >= 0)
    )
    return [
        ClassDifference(name, n, b, w, tango(b, w, n, confidence) if n else None)
        for name, b, w, n in zip(names, better, worse, samples, strict=True)
    ]


def describe_difference(each: ClassDifference, margin: float, confidence: float) -> str:
    """Return what is to be said of a class that is not decided, or has lost, with the samples that would decide it.

    Args:
        each: the class.
        margin: of the rule.
        confidence: of the class's interval.
    """
    if each.seen is None:
        return f"{each.name} has no samples, and at least {needed(each, margin, confidence):,} are needed"
    text = f"{each.name} {points(each.seen.value)} ({points_interval(each.seen)}) on {each.samples:,} samples"
    enough = needed(each, margin, confidence) if each.high >= -margin else None
    return text if enough is None else f"{text}, at least {enough:,} needed"


def needed(each: ClassDifference, margin: float, confidence: float) -> int | None:
    """Find how many samples of a class would show that it is not inferior, if what was seen of it went on so.

    Args:
        each: the class.
        margin: of the rule.
        confidence: of the class's interval.

    Returns:
        None where no number would: what was seen lies beyond the margin.
    """
    known = max(each.samples, 1)
    better, worse = each.better / known, each.worse / known
    if better - worse <= -margin:
        return None

    def is_enough(samples: int) -> bool:
        return tango(better * samples, worse * samples, samples, confidence).low > -margin

    most = 1
    while not is_enough(most):
        most *= 2
        if most > MOST_SAMPLES:
            return None
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if is_enough(middle) else (middle, most)
    return most
