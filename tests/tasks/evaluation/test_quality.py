import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from tasks.compression.records import candidate_model
from tasks.errors import EvaluationError
from tasks.evaluation.decision import ask
from tasks.evaluation.predictions import Answers, Predictions, read_predictions
from tasks.evaluation.quality import evaluate, judge, predictions_of
from tasks.evaluation.records import PRODUCTION_TFLITE, Quality, predictions_file, quality_file
from tasks.files import sha256
from tasks.records import read_record
from tasks.samples import read_dataset
from tasks.statistics import wilson
from tasks.training.records import BASELINE_TFLITE
from tasks.workloads import measuring_of
from tasks.workloads.outcomes.classes.answers import top
from tasks.workloads.outcomes.classes.details import ClassesDetails
from tests.tasks.evaluation.material import CLASSES, COUNTS, dataset_of, digits, params_with


def run(name: str, path: Path) -> Quality:
    evaluate(params_with(), name, str(path))
    return read_record(quality_file(name), Quality)


def random_answers(classes: int, samples: int, seed: int = 1) -> Answers:
    rng = np.random.default_rng(seed)
    return Answers(rng.random((samples, classes)).astype(np.float32), rng.integers(0, classes - 1, samples))


def test_scores_are_those_of_scikit_learn() -> None:
    answers = random_answers(5, 300)  # class 4 is never true, so that its recall is 0 / 0
    quality = judge(answers, None, dataset_of("abcde"))
    details = ClassesDetails.model_validate(quality.details)
    of_class = precision_recall_fscore_support(answers.targets, top(answers), labels=range(5), zero_division=0)
    mean = precision_recall_fscore_support(
        answers.targets, top(answers), labels=range(5), average="macro", zero_division=0
    )
    assert quality.metrics["accuracy"] == pytest.approx(accuracy_score(answers.targets, top(answers)))
    assert [quality.metrics[name] for name in ("precision", "recall", "f1")] == pytest.approx(mean[:3])
    assert quality.interval == wilson(int(np.sum(top(answers) == answers.targets)), 300)
    for k, name in enumerate("abcde"):
        seen = details.per_class[name]
        assert (seen.precision, seen.recall, seen.f1) == pytest.approx([of_class[i][k] for i in range(3)])
        assert seen.support == of_class[3][k]
    assert np.array_equal(details.confusion, confusion_matrix(answers.targets, top(answers), labels=range(5)))


def test_agreement_is_about_the_answers_right_or_wrong() -> None:
    mine = Answers(np.eye(3, dtype=np.float32), np.array([0, 0, 0]))
    theirs = Answers(np.eye(3, dtype=np.float32)[[0, 1, 1]], np.array([0, 0, 0]))
    assert judge(mine, theirs, dataset_of("abc")).details["agreement"] == pytest.approx(2 / 3)
    assert judge(mine, None, dataset_of("abc")).details["agreement"] is None


def test_a_split_without_samples_is_refused() -> None:
    with pytest.raises(EvaluationError, match="Received: none"):
        judge(random_answers(3, 0), None, dataset_of("abc"))


def test_the_baseline_and_a_candidate_are_measured(project: Path) -> None:
    baseline = run("baseline", BASELINE_TFLITE)
    candidate = run("int8", candidate_model("int8"))
    assert baseline.splits["validation"].metrics["accuracy"] > 0.8
    assert baseline.splits["validation"].details["agreement"] is None
    assert candidate.splits["validation"].details["agreement"] > 0.95
    assert candidate.splits["validation"].samples == COUNTS["validation"]
    assert candidate.sha256 == sha256(candidate_model("int8"))
    assert candidate.data == baseline.data == read_predictions(predictions_file("int8")).data
    assert candidate.cost is not None
    assert candidate.cost.parameters == 810


def test_predictions_hold_the_samples_in_their_order(project: Path) -> None:
    run("baseline", BASELINE_TFLITE)
    predictions = read_predictions(predictions_file("baseline"))
    start = 1000 + COUNTS["train"]
    np.testing.assert_array_equal(predictions.splits["validation"].targets, digits()[1][start : start + 150])
    assert predictions.splits["validation"].outputs.shape == (150, len(CLASSES))


def test_nothing_that_evaluation_leaves_knows_an_answer_to_the_test_split(project: Path) -> None:
    for name, path in (("baseline", BASELINE_TFLITE), ("int8", candidate_model("int8"))):
        quality = run(name, path)
        assert set(quality.splits) == set(read_predictions(predictions_file(name)).splits) == {"validation"}
        with np.load(predictions_file(name)) as arrays:
            assert all(len(arrays[key]) == 150 for key in arrays if key not in ("data", "format"))


def test_the_same_model_gives_the_same_bytes(project: Path) -> None:
    run("baseline", BASELINE_TFLITE)
    files = (predictions_file("baseline"), quality_file("baseline"))
    first = [file.read_bytes() for file in files]
    run("baseline", BASELINE_TFLITE)
    assert [file.read_bytes() for file in files] == first


def test_a_candidate_for_other_images_is_refused(project: Path, models: Path) -> None:
    run("baseline", BASELINE_TFLITE)
    with pytest.raises(EvaluationError, match=r"\(32, 32, 3\), not \(8, 8, 1\)"):
        run("int8", models / "article_float.tflite")
    assert not quality_file("int8").exists()


def test_a_candidate_with_other_classes_is_refused(project: Path) -> None:
    record = Path("data/prepared/dataset.json")
    record.write_text(record.read_text().replace('"9"\n', '"9",\n    "ten"\n', 1))
    with pytest.raises(EvaluationError, match="10 outputs, not 11"):
        run("baseline", BASELINE_TFLITE)


def test_without_a_release_production_is_absent(project: Path) -> None:
    quality = run("production", PRODUCTION_TFLITE)
    assert quality.absent == "no release is in production yet"
    assert (quality.splits, quality.cost) == ({}, None)
    assert len(read_predictions(predictions_file("production")).splits["validation"].targets) == 0


def test_production_is_measured_when_it_fits(project: Path, models: Path) -> None:
    run("baseline", BASELINE_TFLITE)
    PRODUCTION_TFLITE.write_bytes((models / "digits_int8.tflite").read_bytes())
    PRODUCTION_TFLITE.with_name("production.json").write_text(json.dumps({"release": 1, "classes": CLASSES}))
    quality = run("production", PRODUCTION_TFLITE)
    assert quality.absent is None
    assert quality.splits["validation"].metrics["accuracy"] > 0.8


@pytest.mark.parametrize(
    ("model", "classes", "reason"),
    [
        ("digits_int8", ["cat", "dog"], r"knows other classes \(cat, dog\)"),
        ("article_float", list(CLASSES), r"a model for images of \(32, 32, 3\)"),
        ("digits_int8", list(CLASSES[::-1]), r"the same classes in another order \(9, 8"),
        (None, list(CLASSES), "does not run here"),
    ],
)
def test_production_that_cannot_be_compared_is_absent_with_the_reason(
    project: Path, models: Path, model: str | None, classes: list[str], reason: str
) -> None:
    content = (models / f"{model}.tflite").read_bytes() if model else b"torn"
    PRODUCTION_TFLITE.write_bytes(content)
    PRODUCTION_TFLITE.with_name("production.json").write_text(json.dumps({"release": 1, "classes": classes}))
    quality = run("production", PRODUCTION_TFLITE)
    assert quality.absent is not None
    assert re.search(reason, quality.absent)


def test_thresholds_chosen_on_validation_go_with_a_model_and_with_its_answers(project: Path) -> None:
    outcome = {"thresholds": "f1"}
    plain = run("baseline", BASELINE_TFLITE)
    outputs = read_predictions(predictions_file("baseline")).splits["validation"].outputs
    evaluate(params_with(outcome=outcome), "baseline", str(BASELINE_TFLITE))
    settled = read_record(quality_file("baseline"), Quality)
    assert plain.settled == ()
    assert len(settled.settled) == len(CLASSES)
    assert settled.splits["validation"].metrics["f1"] > plain.splits["validation"].metrics["f1"]
    kept = read_predictions(predictions_file("baseline")).splits["validation"]
    np.testing.assert_array_equal(kept.outputs, outputs + np.array(settled.settled, np.float32))
    assert judge(kept, None, dataset_of(CLASSES)).metrics == settled.splits["validation"].metrics


def test_a_candidate_has_thresholds_of_its_own_and_a_release_keeps_those_that_it_has(
    project: Path, models: Path
) -> None:
    params = params_with(outcome={"thresholds": "f1"})
    evaluate(params, "baseline", str(BASELINE_TFLITE))
    evaluate(params, "int8", str(candidate_model("int8")))
    mine, theirs = (read_record(quality_file(name), Quality).settled for name in ("int8", "baseline"))
    assert mine
    assert mine != theirs
    PRODUCTION_TFLITE.write_bytes((models / "digits_int8.tflite").read_bytes())
    offsets = [float(number == 3) * 50 for number in range(10)]
    released = {"release": 1, "classes": CLASSES, "settled": offsets}
    PRODUCTION_TFLITE.with_name("production.json").write_text(json.dumps(released))
    evaluate(params, "production", str(PRODUCTION_TFLITE))
    answers = read_predictions(predictions_file("production")).splits["validation"]
    assert set(top(answers)) == {3}
    assert read_record(quality_file("production"), Quality).settled == tuple(offsets)


def test_answers_to_the_test_split_are_read_by_the_thresholds_of_validation(project: Path) -> None:
    params = params_with(outcome={"thresholds": "f1"})
    evaluate(params, "baseline", str(BASELINE_TFLITE))
    quality = read_record(quality_file("baseline"), Quality)
    raw = predictions_of(BASELINE_TFLITE, read_dataset(), ("test",)).splits["test"]
    results = SimpleNamespace(
        dataset=read_dataset(),
        measuring=measuring_of(read_dataset()),
        predictions={"baseline": read_predictions(predictions_file("baseline"))},
        qualities={"baseline": quality},
    )
    seen: list[Answers] = []

    def replaced(_: object, predictions: dict[str, Predictions], **__: object) -> None:
        seen.append(predictions["baseline"].splits["test"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.evaluation.decision.replace", replaced)
        ask(results, {"baseline": BASELINE_TFLITE})  # type: ignore[arg-type]
    np.testing.assert_array_equal(seen[0].outputs, raw.outputs + np.array(quality.settled, np.float32))
