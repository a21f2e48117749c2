from bisect import bisect_left
from functools import partial

import numpy as np
import pytest
from scipy.stats import binom

from tasks.evaluation.gate import choose
from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.rules import apply_rule
from tasks.statistics import clopper_pearson
from tasks.workloads.outcomes.classes.answers import right
from tests.tasks.evaluation.material import Fare, make_results

BASELINE: Fare = (900, 900, 1000, 100.0)


def verdicts(rule: dict[str, object], right_ones: int, **fares: Fare) -> list[RuleVerdict]:
    results = make_results([rule], {"baseline": BASELINE, "a": (900, right_ones, 500, 50.0), **fares})
    return list(apply_rule(results.params.gate.rules[0], "a", "test", results))


@pytest.mark.parametrize(
    ("metric", "least", "outcome"),
    [
        ("accuracy", 0.8, "PASS"),
        ("accuracy", 0.84, "INCONCLUSIVE"),
        ("accuracy", 0.86, "INCONCLUSIVE"),
        ("accuracy", 0.9, "FAIL"),
        *((metric, least, outcome) for metric in ("precision", "recall", "f1")
          for least, outcome in ((0.8, "PASS"), (0.85, "INCONCLUSIVE"), (0.9, "FAIL"))),
    ],
)  # fmt: skip
def test_a_floor_is_held_against_the_interval(metric: str, least: float, outcome: str) -> None:
    rule = {"metric": metric, "min": least}
    results = make_results([rule], {"baseline": BASELINE, "a": (0, 850, 500, 50.0)})
    (seen,) = apply_rule(results.params.gate.rules[0], "a", "test", results)
    expected = results.measuring.metric(metric).bounds(results.answers("a", "test"))
    assert (seen.outcome, seen.versus, seen.limit) == (outcome, None, least)
    assert (seen.value, seen.low, seen.high) == (expected.value, expected.low, expected.high)
    assert "85.00 %" in seen.sentence


@pytest.mark.parametrize("rule", [{"metric": "accuracy", "min": 0.1}, {"metric": "agreement", "min": 0.1}])
def test_a_low_floor_passes_what_is_below_it_no_more_often_than_its_level(rule: dict[str, object]) -> None:
    for level in (0.025, 1e-4, 1e-6):
        pinned = {**rule, "confidence": 1 - 2 * level}
        right = bisect_left(range(1000), True, key=partial(held, pinned))
        assert binom.sf(right - 1, 1000, 0.1) <= level


def held(rule: dict[str, object], right: int) -> bool:
    """Judge a candidate that is right for, and agrees with the baseline on, so many of 1,000 samples."""
    results = make_results([rule], {"baseline": (0, 1000, 1000, 100.0), "a": (0, right, 500, 50.0)})
    return next(apply_rule(results.params.gate.rules[0], "a", "test", results)).outcome == "PASS"


def test_a_floor_is_reached_where_the_lower_bound_is_just_there() -> None:
    exact = clopper_pearson(850, 1000).low
    (seen,) = verdicts({"metric": "accuracy", "min": exact}, 850)
    assert seen.outcome == "PASS"
    (seen,) = verdicts({"metric": "accuracy", "min": float(np.nextafter(exact, 1))}, 850)
    assert seen.outcome == "INCONCLUSIVE"


def test_a_margin_and_a_floor_stand_in_one_rule_or_in_two() -> None:
    both = {"metric": "accuracy", "margin": 0.03, "min": 0.8, "versus": ["baseline", "production"]}
    seen = verdicts(both, 890)
    assert [(one.versus, one.outcome) for one in seen] == [
        ("baseline", "PASS"), ("production", "NO_BASELINE"), (None, "PASS"),
    ]  # fmt: skip
    results = make_results(
        [{"metric": "accuracy", "margin": 0.03}, {"metric": "accuracy", "min": 0.95}],
        {"baseline": BASELINE, "a": (900, 890, 500, 50.0)},
    )
    assert choose(results).outcome == "FAIL"


def test_a_confidence_of_its_own_moves_a_floor() -> None:
    assert verdicts({"metric": "accuracy", "min": 0.835}, 850)[0].outcome == "INCONCLUSIVE"
    assert verdicts({"metric": "accuracy", "min": 0.835, "confidence": 0.6}, 850)[0].outcome == "PASS"


@pytest.mark.parametrize(
    ("most", "outcome"), [(0.1, "PASS"), (0.05, "INCONCLUSIVE"), (0.04, "INCONCLUSIVE"), (0.02, "FAIL")]
)
def test_negative_flips_are_decided_by_the_exact_bounds(most: float, outcome: str) -> None:
    rule = {"metric": "negative_flips", "max": most, "versus": ["baseline"]}
    (seen,) = verdicts(rule, 850)  # wrong for 50 that the baseline is right for
    assert (seen.outcome, seen.versus) == (outcome, "baseline")
    assert (seen.value, seen.low, seen.high) == tuple(clopper_pearson(50, 1000).model_dump().values())
    assert "Of 1,000 test samples it is wrong for 50 that baseline is right for" in seen.sentence


def test_negative_flips_count_although_as_many_became_right() -> None:
    rule = {"metric": "negative_flips", "max": 0.02}
    results = make_results(
        [rule], {"baseline": BASELINE, "production": (900, 900, 400, 40.0), "a": (0, 900, 500, 50.0)}
    )
    answers = results.answers("a", "test")
    turned = type(answers)(np.roll(answers.outputs, 0, axis=0), answers.targets)
    wrong = np.concatenate([np.arange(50), np.arange(950, 1000)])  # as many right as before, fifty of them others
    scores = np.eye(10, dtype=np.float32)[answers.targets]
    scores[wrong] = np.roll(scores[wrong], 1, axis=1)
    turned = type(answers)(scores, answers.targets)
    changed = {
        **results.predictions,
        "a": type(results.predictions["a"])("same", {"validation": turned, "test": turned}),
    }
    results = type(results)(**{**vars(results), "predictions": changed})
    assert right(turned).sum() == right(answers).sum()
    (seen,) = apply_rule(results.params.gate.rules[0], "a", "test", results)
    assert (seen.outcome, seen.versus, seen.value) == ("FAIL", "production", 0.05)


def test_without_production_there_is_nothing_to_flip_from() -> None:
    (seen,) = verdicts({"metric": "negative_flips", "max": 0.02}, 850)
    assert seen.outcome == "NO_BASELINE"
    assert seen.sentence == ("The negative flips are not compared with production: no release is in production yet.")


def test_an_estimate_within_the_limit_is_within_where_less_is_better() -> None:
    def within(most: float) -> bool:
        return verdicts({"metric": "negative_flips", "max": most, "versus": ["baseline"]}, 850)[0].is_within

    assert within(0.051)
    assert not within(0.049)


def test_what_has_no_estimate_and_is_not_decided_is_not_within() -> None:
    (seen,) = verdicts({"metric": "negative_flips", "max": 0.02}, 850)
    assert seen.is_within  # no release, no limit
    assert not seen.model_copy(update={"outcome": "INCONCLUSIVE"}).is_within
