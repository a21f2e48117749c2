"""The simulation behind docs/explanation/ledger.md: few false releases, whatever a retrainer makes of the verdicts."""

import numpy as np
import pytest

from benchmarks.ledger import (
    CEILING,
    ERROR,
    MARGIN,
    NIGHTS,
    RETRAINERS,
    Gate,
    Prober,
    Reader,
    World,
    false_rates,
    levels,
    passes,
    power,
)
from tasks.spending import LEAST


def at_most(rate: float, runs: int) -> float:
    """The bound that a rate of so many runs stays below in 999 of 1,000 cases."""
    return rate + 3.1 * float(np.sqrt(rate * (1 - rate) / runs))


@pytest.mark.slow
@pytest.mark.parametrize("retrainer", RETRAINERS)
def test_of_100_decisions_a_false_one_comes_in_at_most_5_percent_of_all_cases(retrainer: str) -> None:
    (rate,) = false_rates("ledger", RETRAINERS[retrainer], False, 2_000, nights=[NIGHTS])
    assert rate <= at_most(ERROR, 2_000)


@pytest.mark.slow
def test_without_a_ledger_false_releases_are_a_matter_of_nights() -> None:
    week, month, all_nights = false_rates("naive", RETRAINERS["nightly"], True, 1_000)
    assert 0.1 < week < 0.2
    assert 0.4 < month < 0.6
    assert all_nights > 0.8


def test_a_few_worlds_are_enough_to_tell_the_ledger_from_none() -> None:
    (naive,) = false_rates("naive", RETRAINERS["nightly"], True, 20, nights=[30])
    (kept,) = false_rates("ledger", RETRAINERS["nightly"], False, 20, nights=[30])
    assert naive > 0.25
    assert kept <= at_most(ERROR, 20)


@pytest.mark.slow
def test_figures_that_are_shown_break_any_split_of_the_error() -> None:
    (shown,) = false_rates("ledger", Reader, True, 200, nights=[NIGHTS])
    (hidden,) = false_rates("ledger", Reader, False, 200, nights=[NIGHTS])
    assert shown > 0.2
    assert hidden <= at_most(ERROR, 200)


def test_votes_of_harmless_models_find_where_nobody_looks_unless_they_are_priced() -> None:
    (naive,) = false_rates("naive", Prober, False, 10, nights=[NIGHTS])
    assert naive > 0.5


@pytest.mark.parametrize("decision", [1, 7, 30])
@pytest.mark.parametrize("passing", [True, False])
def test_power_at_decisions_1_7_and_30_is_at_least_that_of_an_even_split(decision: int, passing: bool) -> None:
    level = levels(passing, decision)[-1]
    assert power(level, 0.01) >= power(ERROR / NIGHTS, 0.01)


def test_power_is_the_probability_to_pass() -> None:
    rng = np.random.default_rng(1)
    draws = rng.multinomial(542, [0.01, 0.01, 0.98], size=2_000)
    seen = np.mean([passes(int(better), int(worse), CEILING) for better, worse, _ in draws])
    assert power(CEILING, 0.02) == pytest.approx(seen, abs=0.01)


@pytest.mark.parametrize("level", [CEILING, levels(False, 30)[-1], 1e-6])
@pytest.mark.parametrize("discordant", [0.031, 0.06, 0.12])
def test_the_rule_itself_passes_a_model_at_the_margin_no_more_often_than_its_level(
    level: float, discordant: float
) -> None:
    assert power(level, discordant, difference=-MARGIN) <= level


def test_a_gate_that_is_worn_out_passes_nothing() -> None:
    gate = Gate("ledger")
    for turn in range(200):
        gate.decide(40 if turn % 2 else 0, 0 if turn % 2 else 40)
    assert gate.level == 0 or gate.level >= LEAST


def test_only_the_gate_knows_where_the_samples_are() -> None:
    world = World.draw(np.random.default_rng(1))
    assert world.seen(np.arange(len(world.counts))) == 542
