from dataclasses import replace

import numpy as np
import pytest

from tasks.compression.records import Step
from tasks.evaluation.gate import choose, rank
from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.results import Results
from tasks.evaluation.rules import judge_rules, overall
from tasks.statistics import clopper_pearson, paired_macro, smallest_margin, tango
from tasks.workloads.outcomes.classes.answers import top
from tests.tasks.evaluation.material import Fare, make_results

ACCURACY = {"metric": "accuracy", "margin": 0.03}
TRAINED_ON = Step(technique="fine_tune", config={}, seconds=1.0, changed=("dense",), skipped=(), promises=())
BASELINE: Fare = (900, 900, 1000, 100.0)


def names(results: Results) -> list[str]:
    return [contender.name for contender in rank(results)]


def only(rule: dict[str, object], fare: Fare, **more: object) -> RuleVerdict:
    results = make_results([rule], {"baseline": BASELINE, "a": fare}, **more)  # type: ignore[arg-type]
    (verdict,) = judge_rules("a", "test", results)
    return verdict


@pytest.mark.parametrize(
    ("right", "outcome"),
    [(900, "PASS"), (890, "PASS"), (875, "INCONCLUSIVE"), (860, "INCONCLUSIVE"), (850, "FAIL"), (950, "PASS")],
)
def test_accuracy_is_decided_by_the_bounds_of_tango(right: int, outcome: str) -> None:
    verdict = only(ACCURACY, (0, right, 500, 50.0))
    expected = tango(max(0, right - 900), max(0, 900 - right), 1000)
    assert verdict.outcome == outcome
    assert (verdict.value, verdict.low, verdict.high) == (expected.value, expected.low, expected.high)
    assert verdict.limit == -0.03


def test_confidence_moves_the_decision() -> None:
    fare = (0, 880, 500, 50.0)
    assert only(ACCURACY | {"confidence": 0.8}, fare).outcome == "PASS"
    assert only(ACCURACY | {"confidence": 0.999}, fare).outcome == "INCONCLUSIVE"


@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_macro_metrics_are_decided_by_their_paired_interval(metric: str) -> None:
    results = make_results([{"metric": metric, "margin": 0.03}], {"baseline": BASELINE, "a": (0, 850, 500, 50.0)})
    (verdict,) = judge_rules("a", "test", results)
    mine, theirs = results.answers("a", "test"), results.answers("baseline", "test")
    expected = paired_macro(mine.targets, top(mine), top(theirs), classes=10, metric=metric)  # type: ignore[arg-type]
    assert verdict.outcome == "FAIL"
    assert (verdict.low, verdict.high) == (expected.low, expected.high)


@pytest.mark.parametrize(("least", "outcome"), [(0.9, "PASS"), (0.95, "INCONCLUSIVE"), (0.99, "FAIL")])
def test_agreement_is_decided_by_the_exact_bounds(least: float, outcome: str) -> None:
    verdict = only({"metric": "agreement", "min": least}, (0, 850, 500, 50.0))  # 50 of 1,000 differ
    assert verdict.outcome == outcome
    assert verdict.low == clopper_pearson(950, 1000).low


@pytest.mark.parametrize(("latency", "outcome"), [(50.0, "PASS"), (100.0, "INCONCLUSIVE"), (120.0, "FAIL")])
def test_latency_is_decided_by_the_ratio_of_the_processes(latency: float, outcome: str) -> None:
    verdict = only({"metric": "latency", "max_ratio": 1.0}, (0, 900, 500, latency), spread=0.1)
    assert verdict.outcome == outcome
    assert verdict.value == pytest.approx(latency / 100)
    assert None not in {verdict.low, verdict.high}
    assert (verdict.low or 0) < (verdict.value or 0) < (verdict.high or 0)


def test_latency_is_compared_with_production_in_the_same_rounds() -> None:
    results = make_results(
        [{"metric": "latency", "max_ratio": 1.0, "versus": ["production"]}],
        {"baseline": BASELINE, "production": (900, 900, 400, 40.0), "a": (900, 900, 500, 50.0)},
    )
    (verdict,) = judge_rules("a", "test", results)
    assert (verdict.outcome, verdict.versus) == ("FAIL", "production")
    assert verdict.value == pytest.approx(50 / 40)


@pytest.mark.parametrize(("max_ms", "outcome"), [(0.06, "PASS"), (0.05, "INCONCLUSIVE"), (0.045, "FAIL")])
def test_a_limit_in_milliseconds_is_decided_by_the_interval_of_the_processes(max_ms: float, outcome: str) -> None:
    verdict = only({"metric": "latency", "max_ms": max_ms}, (0, 900, 500, 50.0), spread=0.05)
    assert (verdict.outcome, verdict.versus, verdict.limit) == (outcome, None, max_ms)
    assert verdict.value == pytest.approx(0.05)
    assert f"An image takes 0.05 ms (95 % interval {verdict.low:.3g} … {verdict.high:.3g}); " in verdict.sentence
    assert verdict.sentence.endswith(f"the allowed {max_ms:g} ms.")


def test_both_limits_of_latency_are_judged_and_only_the_ratio_against_others() -> None:
    rule = {"metric": "latency", "max_ms": 1, "max_ratio": 0.1, "versus": ["baseline", "production"]}
    results = make_results([rule], {"baseline": BASELINE, "a": (900, 900, 500, 50.0)})
    verdicts = judge_rules("a", "test", results)
    assert [(verdict.versus, verdict.outcome) for verdict in verdicts] == [
        (None, "PASS"),
        ("baseline", "FAIL"),
        ("production", "NO_BASELINE"),
    ]
    assert verdicts[0].is_within


def test_a_class_of_too_few_samples_is_named_with_what_it_needs() -> None:
    """A tenth of the margin's distance is left to each class: 100 samples of each cannot show 0.002."""
    results = make_results([{"metric": "recall", "margin": 0.002}], {"baseline": BASELINE, "a": BASELINE})
    (verdict,) = judge_rules("a", "test", results)
    assert verdict.outcome == "INCONCLUSIVE"
    assert len(verdict.scarce) == 10
    worst = verdict.scarce[0]
    assert worst.samples == 100
    assert worst.needed > 100
    assert f"too few samples of a class: {worst.name} has 100 and needs {worst.needed}" in verdict.sentence
    assert verdict.sentence.endswith(", and 5 more.")


def test_a_rule_that_the_classes_are_large_enough_for_names_none() -> None:
    results = make_results([{"metric": "recall", "margin": 0.03}], {"baseline": BASELINE, "a": (0, 870, 500, 50.0)})
    (verdict,) = judge_rules("a", "test", results)
    assert (verdict.outcome, verdict.scarce) == ("INCONCLUSIVE", ())


def test_bytes_are_decided_exactly() -> None:
    assert only({"metric": "stored_bytes", "max": 500}, (0, 900, 500, 50.0)).outcome == "PASS"
    assert only({"metric": "stored_bytes", "max": 499}, (0, 900, 500, 50.0)).outcome == "FAIL"
    assert only({"metric": "loaded_bytes", "max_ratio": 0.5}, (0, 900, 500, 50.0)).outcome == "PASS"
    ratio = only({"metric": "loaded_bytes", "max_ratio": 0.49}, (0, 900, 500, 50.0))
    assert (ratio.outcome, ratio.value, ratio.versus) == ("FAIL", 0.5, "baseline")


def test_both_limits_of_bytes_are_judged() -> None:
    rule = {"metric": "stored_bytes", "max": 499, "max_ratio": 0.5}
    results = make_results([rule], {"baseline": BASELINE, "a": (900, 900, 500, 50.0)})
    assert [verdict.outcome for verdict in judge_rules("a", "test", results)] == ["FAIL", "PASS"]


def test_without_production_nothing_is_blocked_but_it_is_said() -> None:
    rule = ACCURACY | {"versus": ["baseline", "production"]}
    verdict = choose(make_results([rule], {"baseline": BASELINE, "a": (900, 900, 500, 50.0)}))
    assert [rule.outcome for rule in verdict.rules] == ["PASS", "NO_BASELINE"]
    assert verdict.outcome == "PASS"
    assert "not compared with production: no release is in production yet" in verdict.sentence


def test_a_candidate_worse_than_production_fails() -> None:
    rule = ACCURACY | {"versus": ["baseline", "production"]}
    fares = {"baseline": BASELINE, "production": (960, 960, 400, 40.0), "a": (900, 900, 500, 50.0)}
    verdict = choose(make_results([rule], fares))
    assert [rule.outcome for rule in verdict.rules] == ["PASS", "FAIL"]
    assert verdict.outcome == "FAIL"
    assert "production's 96.00 %" in verdict.sentence


@pytest.mark.parametrize(
    ("objective", "order"),
    [
        ("bytes", ["small", "quick", "good"]),
        ("latency", ["quick", "good", "small"]),
        ("accuracy", ["good", "quick", "small"]),
    ],
)
def test_the_objective_ranks_those_that_pass(objective: str, order: list[str]) -> None:
    fares = {
        "baseline": BASELINE,
        "good": (905, 900, 800, 60.0),
        "quick": (899, 900, 700, 30.0),
        "small": (890, 900, 300, 70.0),
    }
    assert names(make_results([ACCURACY], fares, objective)) == order


def test_proof_comes_before_the_objective() -> None:
    fares = {
        "baseline": BASELINE,
        "fails": (840, 900, 100, 10.0),
        "beyond": (868, 900, 150, 10.0),  # inconclusive, estimate beyond the margin
        "unproven": (875, 900, 200, 10.0),  # inconclusive, estimate within the margin
        "proven": (895, 900, 900, 90.0),
    }
    results = make_results([ACCURACY], fares)
    assert [(c.name, c.judgement, c.tier) for c in rank(results)] == [
        ("proven", "PASS", 0),
        ("unproven", "INCONCLUSIVE", 1),
        ("fails", "FAIL", 2),
        ("beyond", "INCONCLUSIVE", 2),
    ]


def test_ties_are_broken_by_the_other_objectives_and_then_by_name() -> None:
    fares = {
        "baseline": BASELINE,
        "d": (900, 900, 500, 50.0),
        "c": (900, 900, 500, 50.0),
        "b": (901, 900, 500, 50.0),
        "a": (899, 900, 500, 51.0),
    }
    assert names(make_results([ACCURACY], fares)) == ["b", "c", "d", "a"]


def test_only_validation_chooses() -> None:
    fares = {"baseline": BASELINE, "good_on_test": (860, 930, 100, 50.0), "good_on_validation": (900, 850, 500, 50.0)}
    verdict = choose(make_results([ACCURACY], fares))
    assert verdict.chosen == "good_on_validation"
    assert (verdict.outcome, verdict.choices[0].outcome, verdict.rules[0].value) == ("PASS", "PASS", 0.0)


def test_nothing_of_the_verdict_depends_on_answers_to_the_test_split() -> None:
    def verdict(test_right: int) -> object:
        fares = {"baseline": BASELINE, "a": (890, test_right, 500, 50.0), "b": (895, test_right, 600, 50.0)}
        return choose(make_results([ACCURACY], fares))

    assert verdict(900) == verdict(100)


def test_the_verdict_is_provisional_and_says_whether_a_decision_is_worth_its_price() -> None:
    for right, outcome, promising in ((900, "PASS", True), (875, "INCONCLUSIVE", True), (800, "FAIL", False)):
        verdict = choose(make_results([ACCURACY], {"baseline": BASELINE, "a": (right, 900, 500, 50.0)}))
        assert (verdict.provisional, verdict.outcome, verdict.promising) == (True, outcome, promising)
        assert ("the sealed test samples decide" in verdict.sentence) == promising


def test_the_smallest_margin_is_that_of_the_test_split_at_the_disagreement_on_validation() -> None:
    results = make_results([ACCURACY], {"baseline": BASELINE, "a": (880, 0, 500, 50.0)})
    part = results.dataset.splits["test"].model_copy(update={"samples": 500})
    smaller = results.dataset.model_copy(update={"splits": {**results.dataset.splits, "test": part}})
    verdict = choose(replace(results, dataset=smaller))
    assert verdict.smallest_margin == smallest_margin(500, 10)
    assert f"{100 * verdict.smallest_margin:.2f} points" in verdict.sentence


@pytest.mark.parametrize(("samples", "right", "promising"), [(80, 900, False), (80, 990, True), (800, 900, True)])
def test_no_decision_is_spent_where_so_few_samples_can_prove_nothing(samples: int, right: int, promising: bool) -> None:
    results = make_results([ACCURACY], {"baseline": BASELINE, "a": (right, 0, 500, 50.0)})
    part = results.dataset.splits["test"].model_copy(update={"samples": samples})
    fewer = results.dataset.model_copy(update={"splits": {**results.dataset.splits, "test": part}})
    verdict = choose(replace(results, dataset=fewer))
    assert (verdict.outcome, verdict.promising) == ("PASS", promising)
    assert ("No decision is spent on that: 80 test samples cannot prove" in verdict.sentence) == (not promising)


@pytest.mark.parametrize(
    ("right", "beginning"),
    [
        (900, "PASS, provisionally: a keeps every rule on validation."),
        (875, "INCONCLUSIVE, provisionally: a is within every limit"),
        (800, "FAIL, provisionally: a does not keep every rule on validation and must not be"),
    ],
)
def test_the_sentence_says_what_was_found_with_the_numbers(right: int, beginning: str) -> None:
    verdict = choose(make_results([ACCURACY], {"baseline": BASELINE, "a": (right, 900, 500, 50.0)}))
    assert verdict.sentence.startswith(beginning)
    for part in (
        f"{right / 10:.2f} %",
        "1,000 validation samples",
        "500 bytes, 2.00 × smaller, loaded as 1,000 bytes",
        "2.00 × as fast",
    ):
        assert part in verdict.sentence


def test_the_worst_outcome_is_the_verdict() -> None:
    def verdict(outcome: str) -> RuleVerdict:
        return RuleVerdict(
            metric="accuracy", versus=None, outcome=outcome, value=-0.02, low=-0.04, high=0, limit=-0.03, sentence=""
        )

    some = {name: verdict(name) for name in ("PASS", "FAIL", "INCONCLUSIVE", "NO_BASELINE")}
    assert overall(some.values()) == "FAIL"
    assert overall([some["PASS"], some["INCONCLUSIVE"], some["NO_BASELINE"]]) == "INCONCLUSIVE"
    assert overall([some["PASS"], some["NO_BASELINE"]]) == "PASS"
    assert [of.is_within for of in some.values()] == [True, False, True, True]


def test_the_right_samples_are_paired() -> None:
    # as many are right, but others: 30 better and 30 worse are less certain than none
    results = make_results([ACCURACY], {"baseline": BASELINE, "a": (900, 900, 500, 50.0)})
    answers = results.answers("a", "test")
    answers.outputs[:] = np.roll(answers.outputs, 30, axis=0)
    (verdict,) = judge_rules("a", "test", results)
    expected = tango(30, 30, 1000)
    assert (verdict.low, verdict.high) == (expected.low, expected.high)


def test_a_control_is_no_contender_unless_there_is_nothing_else() -> None:
    results = make_results([ACCURACY], {"baseline": BASELINE, "a": (900, 900, 500, 50.0), "b": (950, 950, 400, 40.0)})
    as_control = {"b": results.candidates["b"].model_copy(update={"steps": (TRAINED_ON,)})}
    assert names(results) == ["b", "a"]
    assert names(replace(results, candidates={**results.candidates, **as_control})) == ["a"]
    assert names(replace(results, candidates=as_control)) == ["b"]
