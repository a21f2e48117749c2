import pytest

from tasks.records import Interval
from tasks.verdicts import Judgement, RuleVerdict, decide_beside

SEEN = Interval(value=0.5, low=0.4, high=0.6)


@pytest.mark.parametrize(
    ("limit", "least", "most"),
    [(0.3, "PASS", "FAIL"), (0.4, "PASS", "INCONCLUSIVE"), (0.5, "INCONCLUSIVE", "INCONCLUSIVE"),
     (0.6, "INCONCLUSIVE", "PASS"), (0.7, "FAIL", "PASS")],
)  # fmt: skip
def test_all_of_an_interval_keeps_a_limit_or_none_of_it_does(limit: float, least: Judgement, most: Judgement) -> None:
    assert decide_beside(SEEN, limit, at_most=False)[0] == least
    assert decide_beside(SEEN, limit, at_most=True)[0] == most


def test_a_bound_that_is_the_limit_is_not_beyond_it() -> None:
    assert decide_beside(SEEN, 0.4, at_most=False, strictly=True)[0] == "INCONCLUSIVE"
    assert decide_beside(SEEN, 0.6, at_most=True, strictly=True)[0] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("at_most", "limit", "within"), [(False, 0.45, True), (False, 0.55, False), (True, 0.55, True)]
)
def test_an_estimate_is_within_on_its_side_of_the_limit(at_most: bool, limit: float, within: bool) -> None:
    verdict = RuleVerdict(
        metric="rmse",
        versus=None,
        outcome="INCONCLUSIVE",
        value=0.5,
        low=0.4,
        high=0.6,
        limit=limit,
        at_most=at_most,
        sentence="",
    )
    assert verdict.is_within == within
