"""The error budget: the shares sum to no more than there is, whatever the verdicts, and last as long as is promised."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.spending import LEAST, ErrorBudget, one_sided, share, two_sided, worth

ERROR, CEILING = 0.05, 0.025
EVEN = ERROR / 100


def after(verdicts: str) -> ErrorBudget:
    """P passes, any other letter does not."""
    budget = ErrorBudget()
    for verdict in verdicts:
        offer, budget = budget.offer, budget.reserve()
        if verdict == "P":
            budget = budget.after_pass(offer)
    return budget


def worst(budget: ErrorBudget, depth: int) -> float:
    """The largest sum of offers that false verdicts can come to, over every way in which models may be good or bad."""
    if not depth:
        return 0.0
    offer, rest = budget.offer, budget.reserve()
    failed = worst(rest, depth - 1)
    return max(offer + failed, worst(rest.after_pass(offer), depth - 1) + failed)


def test_no_retrainer_gets_more_than_the_error_whatever_it_makes_of_the_verdicts() -> None:
    assert worst(ErrorBudget(), 12) <= 1 + 1e-12


@given(st.text("PF", max_size=60), st.integers(1, 6))
def test_this_holds_from_any_history_on(verdicts: str, depth: int) -> None:
    budget = after(verdicts)
    assert 0 <= worst(budget, depth) <= budget.wealth * (1 + 1e-9)


def worst_where_failures_are_told(budget: ErrorBudget, depth: int) -> float:
    """The same, where FAIL is told apart and the retrainer may go on in three ways, telling or not as it likes."""
    if not depth:
        return 0.0
    offer, failure, rest = budget.offer, budget.failure_offer, budget.reserve(tells_failure=True)
    others = sum(worst_where_failures_are_told(after, depth - 1) for after in (rest, rest.after_failure(failure)))
    passes = worst_where_failures_are_told(rest.after_pass(offer), depth - 1)
    plain = budget.reserve()
    failed = worst_where_failures_are_told(plain, depth - 1)
    return max(
        offer + others,
        passes + others,
        offer + failed,
        worst_where_failures_are_told(plain.after_pass(offer), depth - 1) + failed,
    )


def test_to_tell_failures_apart_gives_a_retrainer_no_more_than_the_error() -> None:
    assert worst_where_failures_are_told(ErrorBudget(), 6) <= 1 + 1e-12


@given(st.text("PF", max_size=60), st.integers(1, 4))
def test_nor_does_it_from_any_history_on(verdicts: str, depth: int) -> None:
    budget = after(verdicts)
    assert worst_where_failures_are_told(budget, depth) <= budget.wealth * (1 + 1e-9)


def test_to_tell_failures_apart_costs_less_than_a_tenth_while_none_is_told() -> None:
    plain = told = ErrorBudget()
    for _ in range(1_000):
        plain, told = plain.reserve(), told.reserve(tells_failure=True)
        assert 0.9 * plain.wealth < told.wealth < plain.wealth


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_share_is_a_part_of_what_is_left(passed: int, others: int) -> None:
    assert 0 < share(passed, others) < 1


@pytest.mark.parametrize("decision", [1, 7, 30])
@pytest.mark.parametrize("verdict", ["P", "F"])
def test_decisions_1_7_and_30_are_at_least_as_strong_as_an_even_split(decision: int, verdict: str) -> None:
    assert after(verdict * (decision - 1)).level(ERROR, CEILING) >= EVEN


def test_the_first_decision_is_at_the_confidence_of_the_rules() -> None:
    assert ErrorBudget().level(ERROR, one_sided(0.95)) == pytest.approx(0.025)
    assert ErrorBudget().level(ERROR, one_sided(0.99)) == pytest.approx(0.005)
    assert ErrorBudget().level(ERROR, one_sided(0.6)) == pytest.approx(0.025)  # half of the error, and no more


def test_levels_sum_to_the_error_where_nothing_passes() -> None:
    budget, levels = ErrorBudget(), []
    for _ in range(2_000):
        levels.append(budget.level(ERROR, CEILING))
        budget = budget.reserve()
    assert all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(levels))
    assert 0.99 * ERROR < sum(levels) < ERROR


def test_a_decision_that_has_not_ended_counts_as_one_that_did_not_pass() -> None:
    both = ErrorBudget().after(None).after(None)
    assert both == after("FF") == ErrorBudget().reserve().reserve()
    assert ErrorBudget().after("PASS").after(None) == after("PF")


Known = tuple[Literal["PASS", "FAIL", "INCONCLUSIVE"] | None, bool]  # of a decision: its verdict, whether FAIL is told


def counted(decisions: Iterable[Known]) -> ErrorBudget:
    """The error that is left after decisions, in the order in which they were begun."""
    budget = ErrorBudget()
    for verdict, tells in decisions:
        budget = budget.after(verdict, tells)
    return budget


@cache
def worst_where_several_are_open(decisions: tuple[Known, ...], depth: int) -> float:
    """The largest sum of offers of models that break a rule, where a retrainer begins and awaits as it likes.

    A model that breaks a rule did not pass, or all is over. One that keeps them may have any verdict, once it is
    awaited: what follows each verdict comes together, since it was fixed beforehand.
    """
    budget = counted(decisions)
    found = [0.0]
    for tells in (False, True) if depth else ():
        broken: Known = ("INCONCLUSIVE", tells)
        found.append(budget.offer + worst_where_several_are_open((*decisions, broken), depth - 1))
        found.append(worst_where_several_are_open((*decisions, (None, tells)), depth - 1))
    for turn, (verdict, tells) in enumerate(decisions):
        if verdict is None:
            three: tuple[Known, Known, Known] = (("PASS", tells), ("INCONCLUSIVE", tells), ("FAIL", True))
            ended = [(*decisions[:turn], each, *decisions[turn + 1 :]) for each in three[: 2 + tells]]
            found.append(sum(worst_where_several_are_open(each, depth) for each in ended))
    return max(found)


def test_nor_does_a_retrainer_get_more_who_has_several_decisions_open_at_once() -> None:
    assert worst_where_several_are_open((), 4) <= 1 + 1e-12


def test_samples_wear_out_and_say_so() -> None:
    worn = after("PF" * 40)
    assert worn.level(ERROR, CEILING) == 0
    assert replace(worn, wealth=1.0).level(ERROR, CEILING) > LEAST


def test_levels_and_confidences_are_two_ways_to_say_the_same() -> None:
    assert one_sided(0.95) == pytest.approx(0.025)
    assert two_sided(one_sided(0.9)) == pytest.approx(0.9)


def test_a_weaker_decision_is_worth_fewer_samples() -> None:
    assert worth(542, 0.025, 0.025) == 542
    assert worth(542, 0.0005, 0.025) == 192
