"""The verdict of a rule: an interval beside a limit, and the words that all rules share."""

from typing import Any, Literal, Self

from tasks.gate_settings import Versus
from tasks.records import Interval, Record
from tasks.wording import number

Judgement = Literal["PASS", "FAIL", "INCONCLUSIVE", "NO_BASELINE"]


class ScarceClass(Record):
    """A class of too few samples for a rule about a macro average to pass, whatever the answers are."""

    name: str
    samples: int  # for precision, answers
    needed: int


class RuleVerdict(Record):
    """One rule of the gate, against one other model.

    ``outcome`` is the judgement, not what comes out of a model: records had the name first, here and in the ledger.
    """

    metric: str
    versus: str | None
    outcome: Judgement
    value: float | None
    low: float | None
    high: float | None
    limit: float
    at_most: bool = False  # whether the limit is the most that is allowed, not the least
    sentence: str
    scarce: tuple[ScarceClass, ...] = ()  # why it is inconclusive, if these classes are

    @classmethod
    def of(cls, metric: str, versus: str | None, seen: Interval, limit: float, **others: Any) -> Self:
        """Return the verdict on an interval beside a limit.

        Args:
            metric: the rule's.
            versus: the other model, if there is one.
            seen: what was measured.
            limit: the least that is allowed, or the most.
            others: what else a verdict has.
        """
        bounds = {"value": seen.value, "low": seen.low, "high": seen.high}
        return cls(metric=metric, versus=versus, limit=limit, **bounds, **others)

    @property
    def is_within(self) -> bool:
        """True if the estimate itself, its uncertainty aside, keeps the limit."""
        if self.outcome != "INCONCLUSIVE":
            return self.outcome != "FAIL"
        if self.value is None:
            return False
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def decide(holds: bool, is_broken: bool) -> tuple[Judgement, str]:
    """Return the outcome, and how the whole interval lies to the limit.

    Args:
        holds: the whole interval is within the limit.
        is_broken: the whole interval is beyond it.
    """
    if holds:
        return "PASS", "all of it is within"
    return ("FAIL", "all of it is beyond") if is_broken else ("INCONCLUSIVE", "it reaches across")


def decide_beside(seen: Interval, limit: float, at_most: bool, strictly: bool = False) -> tuple[Judgement, str]:
    """Return the outcome of an interval beside a limit, and how it lies to it.

    Args:
        seen: what was measured.
        limit: the least that is allowed, or the most.
        at_most: whether it is the most.
        strictly: whether a bound that is the limit itself is not enough.
    """
    near, far, sign = (seen.high, seen.low, -1) if at_most else (seen.low, seen.high, 1)
    holds = sign * near > sign * limit or (near == limit and not strictly)
    return decide(holds, sign * far < sign * limit)


def whose(versus: Versus) -> str:
    """Return the name of the other model in the genitive.

    Args:
        versus: which one.
    """
    return "the baseline's" if versus == "baseline" else "production's"


def level(confidence: float) -> str:
    """Return the name of an interval by its confidence.

    Args:
        confidence: two-sided, from 0 to 1.
    """
    return f"{number(100 * confidence, 0 if round(100 * confidence, 6).is_integer() else 1)} % interval"
