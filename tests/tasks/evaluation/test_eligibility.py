"""Candidates that cannot be chosen: a broken promise, a recipe that could not be made."""

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.compression.records import Candidate, Promise, candidate_model, candidate_record, write_not_made
from tasks.errors import EvaluationError
from tasks.evaluation.benchmark import benchmark, models_to_measure
from tasks.evaluation.gate import choose, gate
from tasks.evaluation.quality import evaluate
from tasks.evaluation.records import GATE, PRODUCTION_TFLITE, PROVISIONAL, GateReport
from tasks.evaluation.report import render
from tasks.evaluation.results import Results, load_results
from tasks.evaluation.tables import candidates_table
from tasks.records import read_record
from tasks.training.records import BASELINE_TFLITE
from tests.tasks.evaluation.material import RECIPES, Fare, make_results, params_with

FARES: dict[str, Fare] = {
    "baseline": (900, 900, 1000, 100.0),
    "small": (900, 900, 200, 50.0),
    "large": (900, 900, 500, 50.0),
}
RULE = {"metric": "accuracy", "margin": 0.03}
WHY = "Expected a network without gates. Received: one. Leave the step out."


def broken(candidate: Candidate, at: int = -1) -> Candidate:
    """A promise that does not hold after one of two steps."""
    (step,) = candidate.steps
    promise = Promise(layer="dense", promise="zeros", promised=0.8, measured=0.42, holds=False)
    steps = [step, step]
    steps[at] = step.model_copy(update={"promises": (*step.promises, promise)})
    return candidate.model_copy(update={"steps": tuple(steps)})


def results_with(broken_promises: str = "refuse", names: tuple[str, ...] = ("small",), at: int = -1) -> Results:
    results = make_results([RULE], FARES)
    chosen = results.params.gate.model_copy(update={"broken_promises": broken_promises})
    candidates = {name: broken(each, at) if name in names else each for name, each in results.candidates.items()}
    return replace(results, params=results.params.model_copy(update={"gate": chosen}), candidates=candidates)


def test_a_promise_that_does_not_hold_at_the_end_rules_a_candidate_out() -> None:
    report = choose(results_with())
    assert report.chosen == "large"
    last = report.choices[-1]
    assert (last.candidate, last.rank, last.outcome, last.objective) == ("small", 2, "INELIGIBLE", None)
    assert last.sentence == (
        "small is not eligible. 1 of 2 promises do not hold at the end of its recipe: "
        "dense zeros, promised 0.8, measured 0.42."
    )


def test_a_promise_that_holds_again_at_the_end_rules_nobody_out() -> None:
    assert choose(results_with(at=0)).chosen == "small"


def test_where_that_is_only_to_be_reported_it_stays_eligible() -> None:
    results = results_with("report")
    report = choose(results)
    assert report.chosen == "small"
    assert "1 of 2 promises do not hold at the end of its recipe" in report.choices[0].sentence
    assert "1 of 2 promises do not hold at the end of its recipe" in render(replace(results, gate=report))


def test_the_report_and_the_table_show_who_cannot_be_chosen_and_why() -> None:
    results = results_with()
    results = replace(
        results,
        params=results.params.model_copy(update={"recipes": {**results.params.recipes, "odd": []}}),
        not_made={"odd": WHY},
    )
    report = choose(results)
    page = render(replace(results, gate=report))
    assert "small is not eligible. 1 of 2 promises" in page
    assert f"odd could not be made. {WHY}" in page
    rows = {row["Candidate"]: row for row in candidates_table(replace(results, gate=report))}
    assert {name: row["Gate"] for name, row in rows.items()} == {
        "baseline": "", "large": "PASS", "small": "INELIGIBLE", "odd": "INELIGIBLE",
    }  # fmt: skip
    assert rows["odd"]["Accuracy"] == ""


def test_if_nobody_is_left_that_is_an_error_with_each_reason() -> None:
    with pytest.raises(EvaluationError, match=r"none of 2\. small: 1 of 2 promises .* large: 1 of 2 promises"):
        choose(results_with(names=("small", "large")))


def test_the_line_goes_on_with_the_recipes_that_were_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = params_with()
    write_not_made("pruned_int8", WHY)
    evaluate(params, "baseline", str(BASELINE_TFLITE))
    evaluate(params, "production", str(PRODUCTION_TFLITE))
    for recipe in RECIPES:
        evaluate(params, recipe, str(candidate_model(recipe)))
    assert "pruned_int8: nothing to measure, since the recipe pruned_int8 could not be carried out" in (
        capsys.readouterr().out
    )
    assert "pruned_int8" not in models_to_measure(params)
    benchmark(params)
    gate(params)
    verdict = read_record(GATE, GateReport)
    assert verdict.chosen == "int8"
    assert [choice.candidate for choice in verdict.choices] == ["int8", "untrained", "pruned_int8"]
    assert WHY in PROVISIONAL.read_text(encoding="utf-8")
    results = load_results(params)
    assert results.not_made == {"pruned_int8": WHY}
    assert list(results.candidates) == ["int8", "untrained"]


def test_if_no_recipe_could_be_made_the_gate_says_of_each_why(project: Path) -> None:
    params = params_with()
    for recipe in RECIPES:
        write_not_made(recipe, WHY)
        evaluate(params, recipe, str(candidate_model(recipe)))
    evaluate(params, "baseline", str(BASELINE_TFLITE))
    evaluate(params, "production", str(PRODUCTION_TFLITE))
    benchmark(params)
    with pytest.raises(EvaluationError, match=f"none of 3. int8: {WHY} pruned_int8: {WHY}"):
        gate(params)


def test_a_model_that_was_lost_is_not_taken_for_one_that_could_not_be_made(project: Path) -> None:
    candidate_model("int8").unlink()
    assert candidate_record("int8").exists()
    with pytest.raises(EvaluationError, match="Expected the model of int8"):
        models_to_measure(params_with())
