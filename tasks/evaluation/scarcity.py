"""Classes that a rule about a macro average names, since they have too few samples for it to pass."""

from collections.abc import Sequence

from tasks.config import QualityMetric
from tasks.evaluation.predictions import Answers
from tasks.evaluation.records import ScarceClass
from tasks.statistics import scarce_classes

MOST_NAMED = 5


def find_scarce(
    answers: Answers, classes: Sequence[str], metric: QualityMetric, allowed: float, confidence: float
) -> tuple[ScarceClass, ...]:
    """The classes of too few samples, the smallest first; none for the accuracy, which has no classes.

    Args:
        answers: the candidate's.
        classes: their names.
        metric: what the rule is about.
        allowed: the margin of a difference, or the estimate's distance to its floor.
        confidence: of the rule.
    """
    if metric == "accuracy":
        return ()
    found = scarce_classes(
        answers.labels, answers.top, classes=len(classes), metric=metric, allowed=allowed, confidence=confidence
    )
    return tuple(ScarceClass(name=classes[one.index], samples=one.samples, needed=one.needed) for one in found)


def explain_scarce(scarce: Sequence[ScarceClass], metric: QualityMetric) -> str:
    """A sentence, with a space before it, or nothing."""
    if not scarce:
        return ""
    counted = "answers" if metric == "precision" else "samples"
    named = [f"{one.name} has {one.samples:,} and needs {one.needed:,}" for one in scarce[:MOST_NAMED]]
    more = f", and {len(scarce) - MOST_NAMED:,} more" if len(scarce) > MOST_NAMED else ""
    return f" No interval can be within, as there are too few {counted} of a class: {', '.join(named)}{more}."
