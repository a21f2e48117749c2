from dataclasses import replace
from pathlib import Path

import pytest

from tasks.compression.records import candidate_model
from tasks.errors import DataError, EvaluationError
from tasks.evaluation.benchmark import benchmark
from tasks.evaluation.gate import gate
from tasks.evaluation.predictions import read_predictions, write_predictions
from tasks.evaluation.quality import evaluate
from tasks.evaluation.records import (
    BENCHMARK,
    GATE,
    PRODUCTION_TFLITE,
    PROVISIONAL,
    GateReport,
    Quality,
    predictions_file,
    quality_file,
)
from tasks.evaluation.results import Results, load_results
from tasks.records import read_record, write_record
from tasks.training.records import BASELINE_TFLITE
from tests.tasks.evaluation.material import RECIPES, make_results, params_with


def run_evaluation() -> Results:
    params = params_with()
    evaluate(params, "baseline", str(BASELINE_TFLITE))
    evaluate(params, "production", str(PRODUCTION_TFLITE))
    for recipe in RECIPES:
        evaluate(params, recipe, str(candidate_model(recipe)))
    benchmark(params)
    return load_results(params)


def test_the_gate_chooses_of_real_models_and_writes_a_provisional_verdict_and_report(project: Path) -> None:
    results = run_evaluation()
    assert results.gate is None
    gate(params_with())
    verdict = read_record(GATE, GateReport)
    assert verdict.chosen in {"int8", "pruned_int8"}
    assert verdict.choices[-1].candidate == "untrained"
    assert verdict.choices[-1].outcome == "FAIL"
    assert verdict.sentence in PROVISIONAL.read_text(encoding="utf-8").replace("&#x27;", "'")
    assert load_results(params_with()).gate == verdict
    before = [path.read_bytes() for path in (GATE, PROVISIONAL)]
    gate(params_with())
    assert [path.read_bytes() for path in (GATE, PROVISIONAL)] == before


def test_a_model_changed_after_it_was_made_is_refused(project: Path) -> None:
    run_evaluation()
    candidate_model("int8").write_bytes(candidate_model("int8").read_bytes() + b"\0")
    with pytest.raises(EvaluationError, match=r"int8/model\.tflite and its records to have one SHA-256"):
        gate(params_with())
    assert not GATE.exists()


def test_quality_of_another_file_is_refused(project: Path) -> None:
    run_evaluation()
    quality = read_record(quality_file("int8"), Quality)
    write_record(quality_file("int8"), quality.model_copy(update={"sha256": "0" * 64}))
    with pytest.raises(EvaluationError, match="000000000000"):
        gate(params_with())


def test_a_missing_record_is_named(project: Path) -> None:
    run_evaluation()
    BENCHMARK.unlink()
    with pytest.raises(DataError, match=r"benchmark\.json"):
        load_results(params_with())


def test_predictions_about_other_samples_are_refused(project: Path) -> None:
    run_evaluation()
    predictions = read_predictions(predictions_file("int8"))
    write_predictions(predictions_file("int8"), replace(predictions, data="0" * 64))
    with pytest.raises(EvaluationError, match="the samples of int8"):
        load_results(params_with())


def test_a_missing_model_is_named(project: Path) -> None:
    run_evaluation()
    candidate_model("int8").unlink()
    with pytest.raises(EvaluationError, match="Expected the model of int8"):
        load_results(params_with())


def test_an_absent_model_has_no_cost() -> None:
    results = make_results([{"metric": "agreement", "min": 0.5}], {"baseline": (9, 9, 9, 9.0), "a": (9, 9, 9, 9.0)})
    assert results.why_absent("production") == "no release is in production yet"
    with pytest.raises(EvaluationError, match="cost of production"):
        results.cost("production")
