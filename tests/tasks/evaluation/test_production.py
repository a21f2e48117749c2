"""A release that cannot be compared is in the way: only where there is none nothing is compared."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.evaluation.benchmark import models_to_measure
from tasks.evaluation.gate import choose
from tasks.evaluation.production import find_absence
from tasks.evaluation.quality import evaluate
from tasks.evaluation.records import (
    PRODUCTION_CONSENT,
    PRODUCTION_TFLITE,
    Consent,
    GateReport,
    Obstacle,
    Quality,
    quality_file,
)
from tasks.records import read_record, write_record
from tasks.samples import read_dataset
from tasks.training.records import BASELINE_TFLITE
from tests.tasks.deployment.project import write_model
from tests.tasks.evaluation.material import CLASSES, make_results, params_with

ALONE = {"metric": "accuracy", "margin": 0.03}  # compares with the baseline only
FARES = {"baseline": (900, 900, 1000, 100.0), "a": (900, 900, 500, 50.0)}


def put(model: Path | None, classes: tuple[str, ...] | None, release: int | None = 3) -> None:
    """Let the stage `production` have brought this."""
    if model:
        PRODUCTION_TFLITE.write_bytes(model.read_bytes())
    record = {"release": release, "manifest_sha256": "a" * 64, "classes": classes}
    PRODUCTION_TFLITE.with_name("production.json").write_text(json.dumps(record))


def decided(
    obstacle: Obstacle | None, consent: Consent | None = None, absent: str = "it knows other classes"
) -> GateReport:
    results = make_results([ALONE], FARES)
    quality = Quality(name="production", absent=absent, obstacle=obstacle, release=3, consent=consent)
    return choose(replace(results, qualities={**results.qualities, "production": quality}))


@pytest.mark.parametrize(
    ("model", "classes", "obstacle"),
    [
        ("digits_int8", ("cat", "dog"), "another task"),
        ("digits_int8", CLASSES[::-1], "another task"),
        ("digits_int8", (*CLASSES, "ten"), "another task"),
        ("digits_int8", CLASSES[:9], "another task"),
        ("article_float", CLASSES, "another task"),
        (None, CLASSES, "unusable"),  # its file is gone
    ],
)
def test_what_is_in_the_way_is_said_by_its_kind(
    project: Path, models: Path, model: str | None, classes: tuple[str, ...], obstacle: Obstacle
) -> None:
    put(models / f"{model}.tflite" if model else None, classes)
    evaluate(params_with(), "production", str(PRODUCTION_TFLITE))
    quality = read_record(quality_file("production"), Quality)
    assert (quality.obstacle, quality.release) == (obstacle, 3)
    assert quality.absent


@pytest.mark.parametrize(
    ("what", "words"), [("workload", "of the workload own:Kind, not image"), ("outcome", "own:Kind, not classes")]
)
def test_a_release_of_another_workload_or_outcome_is_for_another_task(
    project: Path, models: Path, what: str, words: str
) -> None:
    put(models / "digits_int8.tflite", CLASSES)
    record = PRODUCTION_TFLITE.with_name("production.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), what: "own:Kind"}))
    evaluate(params_with(), "production", str(PRODUCTION_TFLITE))
    quality = read_record(quality_file("production"), Quality)
    assert quality.obstacle == "another task"
    assert words in str(quality.absent)


def test_a_damaged_release_is_in_the_way(project: Path) -> None:
    PRODUCTION_TFLITE.write_bytes(b"torn")
    put(None, CLASSES)
    found = find_absence(PRODUCTION_TFLITE, read_dataset())
    assert found
    assert found.obstacle == "unusable"
    assert "does not run here" in found.sentence


def test_a_release_that_takes_another_type_is_for_another_task(project: Path, models: Path) -> None:
    put(models / "digits_int8.tflite", CLASSES)
    assert find_absence(PRODUCTION_TFLITE, read_dataset()) is None
    write_model(BASELINE_TFLITE)  # takes float32
    found = find_absence(PRODUCTION_TFLITE, read_dataset())
    assert found
    assert (found.obstacle, found.sentence) == (
        "another task",
        "the release in production is a model that takes uint8, not float32",
    )
    assert "production" not in models_to_measure(params_with())


def test_without_a_release_nothing_is_in_the_way(project: Path) -> None:
    evaluate(params_with(), "production", str(PRODUCTION_TFLITE))
    quality = read_record(quality_file("production"), Quality)
    assert (quality.absent, quality.obstacle) == ("no release is in production yet", None)
    assert decided(None, absent="no release is in production yet").outcome == "PASS"


@pytest.mark.parametrize(("obstacle", "outcome"), [("another task", "FAIL"), ("unusable", "INCONCLUSIVE")])
def test_it_holds_a_run_back_although_no_rule_compares_with_production(obstacle: Obstacle, outcome: str) -> None:
    report = decided(obstacle)
    assert report.outcome == outcome
    assert "Release 3 of digits in production cannot be compared with: it knows other classes." in report.sentence
    assert "a name of its own (deployment.model)" in report.sentence
    assert "(deployment.replaces: 3)" in report.sentence


@pytest.mark.parametrize("obstacle", ["another task", "unusable"])
def test_a_consent_lets_it_be_replaced_and_is_told(obstacle: Obstacle) -> None:
    report = decided(obstacle, Consent(counts=True, sentence="deployment.replaces: 3 lets this model take its place."))
    assert report.outcome == "PASS"
    assert "deployment.replaces: 3 lets this model take its place." in report.sentence


def test_a_consent_that_is_spent_changes_nothing_and_is_told() -> None:
    report = decided("another task", Consent(counts=False, sentence="deployment.replaces: 3 counts no more."))
    assert report.outcome == "FAIL"
    assert "counts no more" in report.sentence


def test_the_consent_lies_beside_the_release(project: Path, models: Path) -> None:
    put(models / "digits_int8.tflite", ("cat", "dog"))
    consent = Consent(counts=True, sentence="It may.")
    write_record(PRODUCTION_CONSENT, consent)
    evaluate(params_with(), "production", str(PRODUCTION_TFLITE))
    assert read_record(quality_file("production"), Quality).consent == consent
