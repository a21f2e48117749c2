"""The outcome of an interval beside a limit, and the words that all rules share."""

from tasks.config import Versus
from tasks.evaluation.records import BASELINE, Outcome
from tasks.evaluation.wording import number


def decide(holds: bool, is_broken: bool) -> tuple[Outcome, str]:
    """The outcome, and how the whole interval lies to the limit."""
    if holds:
        return "PASS", "all of it is within"
    return ("FAIL", "all of it is beyond") if is_broken else ("INCONCLUSIVE", "it reaches across")


def whose(versus: Versus) -> str:
    """The other model in the genitive."""
    return "the baseline's" if versus == BASELINE else "production's"


def level(confidence: float) -> str:
    """An interval by its confidence."""
    return f"{number(100 * confidence, 0 if round(100 * confidence, 6).is_integer() else 1)} % interval"
