"""An outcome of a user's own, numbers of which less is better: judged by its rules, and from files to a release."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import set_seed
from tasks.compression.quantization.calibration import Calibration, calibration_set
from tasks.compression.quantization.selective import Judged, Score
from tasks.compression.technique import Context
from tasks.config import Params, data_of, parse_params
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import ConfigError, Unsuited
from tasks.evaluation.gate import choose
from tasks.evaluation.pictures import draw_frontier
from tasks.evaluation.predictions import Predictions
from tasks.evaluation.quality import judge
from tasks.evaluation.records import GateReport
from tasks.evaluation.report import render
from tasks.evaluation.results import Results
from tasks.learning.comparison import answers, check_float32, check_split
from tasks.learning.conversion import to_tflite
from tasks.learning.distillation import Teacher
from tasks.learning.fitting import Plan, fit
from tasks.learning.recorded import recorded_samples
from tasks.samples import SPLITS, Dataset, Part, read_batches, read_dataset, split_digest
from tasks.workloads.metric import Answers
from tests.integration.ratings import Marks, Ratings, RatingsLearning, network
from tests.integration.test_line import BIN, RECIPES, make_project, run
from tests.tasks.evaluation.material import make_results

OWN = "tests.integration.ratings:Shops"
SAMPLES = 400


def params_of(rules: list[dict[str, Any]], objective: str = "bytes", recipes: tuple[str, ...] = ("a",)) -> Params:
    return parse_params(
        {
            "data": {"source": "shops", "workload": OWN},
            "recipes": {name: [] for name in recipes},
            "gate": {"objective": objective, "rules": rules},
            "deployment": {"model": "shops"},
        }
    )


def ratings(errors: dict[str, float], rules: list[dict[str, Any]], objective: str = "bytes") -> Results:
    """Results of models that err by so many stars, the baseline among them; all candidates cost the same."""
    rng = np.random.default_rng(1)
    stars, noise = rng.uniform(0.5, 5, SAMPLES).astype(np.float32), rng.normal(0, 1, SAMPLES)
    others = rng.normal(0, 0.02, (len(errors), SAMPLES))
    results = make_results([{"metric": "accuracy", "margin": 0.5}], dict.fromkeys(errors, (900, 900, 500, 50.0)))
    dataset: Dataset = results.dataset.model_copy(
        update={
            "workload": OWN,
            "classes": (),
            "inputs": Marks.inputs,
            "target": Ratings.target,
            "splits": dict.fromkeys(SPLITS, Part(samples=SAMPLES, per_class={}, shards=())),
        }
    )
    given = {
        name: Answers((stars + size * noise + other)[:, np.newaxis].astype(np.float32), stars)
        for (name, size), other in zip(errors.items(), others, strict=True)
    }
    recipes = tuple(name for name in errors if name != "baseline")
    return replace(
        results,
        params=params_of(rules, objective, recipes),
        dataset=dataset,
        predictions={
            **results.predictions,
            **{name: Predictions("same", {"validation": of, "test": of}) for name, of in given.items()},
        },
        qualities={
            **results.qualities,
            **{
                name: results.qualities[name].model_copy(
                    update={"splits": dict.fromkeys(("validation", "test"), judge(of, given["baseline"], dataset))}
                )
                for name, of in given.items()
            },
        },
        history={"epoch": (1, 2), "loss": (2, 1), "validation_loss": (2, 1.5), "rmse": (1, 0.9)},
    )


def verdict(errors: dict[str, float], rule: dict[str, Any]) -> GateReport:
    return choose(ratings(errors, [rule]))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(0.20, "PASS"), (0.30, "PASS"), (0.39, "INCONCLUSIVE"), (0.6, "FAIL")],
)
def test_an_error_may_grow_by_no_more_than_the_margin(error: float, outcome: str) -> None:
    report = verdict({"baseline": 0.3, "a": error}, {"metric": "rmse", "margin": 0.1})
    (rule,) = report.rules
    assert (rule.outcome, rule.limit, rule.at_most) == (outcome, 0.1, True)
    assert (rule.outcome == "PASS") == (rule.high is not None and rule.high < 0.1)
    assert "from the baseline's" in rule.sentence
    assert "the allowed +0.100 stars" in rule.sentence
    assert report.promising == (error < 0.4)


@pytest.mark.parametrize(("ceiling", "outcome"), [(0.4, "PASS"), (0.31, "INCONCLUSIVE"), (0.2, "FAIL")])
def test_a_floor_of_an_error_is_a_ceiling(ceiling: float, outcome: str) -> None:
    report = verdict({"baseline": 0.3, "a": 0.3}, {"metric": "rmse", "max": ceiling})
    (rule,) = report.rules
    assert (rule.outcome, rule.versus, rule.limit) == (outcome, None, ceiling)
    assert f"the allowed {ceiling:.3f} stars" in rule.sentence


def test_the_candidate_of_the_least_error_is_best_by_it() -> None:
    errors = {"baseline": 0.3, "a": 0.35, "b": 0.25, "c": 0.3}
    report = choose(ratings(errors, [{"metric": "mae", "margin": 0.5}], "rmse"))
    assert [choice.candidate for choice in report.choices] == ["b", "c", "a"]
    assert "nearest to the stars of 3 such" in report.choices[0].sentence
    assert choose(ratings(errors, [{"metric": "mae", "margin": 0.5}])).chosen == "b"  # bytes and latency are the same


def test_what_is_no_better_than_the_mean_has_learnt_nothing() -> None:
    report = verdict({"baseline": 2.0, "a": 2.0}, {"metric": "rmse", "margin": 0.5})
    held = [rule for rule in report.rules if rule.outcome == "FAIL"]
    assert [rule.metric for rule in held] == ["learnt_by_baseline", "learnt"]
    assert "To say 2.69 stars of every sample" in held[0].sentence
    # unless a ceiling that no constant answer reaches says what is good enough
    report = verdict({"baseline": 2.0, "a": 2.0}, {"metric": "rmse", "max": 1.0})
    assert [rule.metric for rule in report.rules] == ["rmse"]


def test_the_frontier_joins_the_least_errors() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    points = [(100.0, 0.5), (200.0, 0.6), (300.0, 0.4)]
    assert [end for _, end in draw_frontier(axes, points, sign=-1)] == [points[0], (300.0, 0.5), (300.0, 0.4)]
    assert [end for _, end in draw_frontier(axes, points)] == [points[0], (200.0, 0.5), (200.0, 0.6)]


def test_a_drop_of_an_error_is_by_how_much_it_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = np.array([[1.0], [3.0]], np.float32)
    monkeypatch.setattr("tasks.compression.quantization.selective.run_file", lambda *_: outputs)
    judged = Judged(np.zeros((2, 8), np.uint8), np.array([1.0, 1.0], np.float32), RatingsLearning())
    assert judged.drop(Score(loss=1.0, metric=1.0), b"") == pytest.approx(np.sqrt(2) - 1)


def test_the_smallest_margin_is_in_the_unit_of_the_metric() -> None:
    report = verdict({"baseline": 0.3, "a": 0.31}, {"metric": "rmse", "margin": 0.1})
    assert 0 < report.smallest_margin < 0.01
    assert (
        f"The smallest margin of rmse that the test split can prove at first is {report.smallest_margin:.3f} stars."
        in (report.sentence)
    )


def test_the_report_has_its_metrics_and_no_classes() -> None:
    results = ratings({"baseline": 0.3, "a": 0.31}, [{"metric": "rmse", "margin": 0.1}])
    page = render(replace(results, gate=choose(results)))
    for words in ("Validation rmse", "RMSE", "MAE", "0.3"):
        assert words in page
    for words in ("ccuracy", "Recall", "onfusion", "classes", "an image"):
        assert words not in page


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            {"metric": "accuracy", "margin": 0.1},
            "gate.rules.0.metric: expected one of rmse, mae, latency, loaded_bytes",
        ),
        ({"metric": "agreement", "min": 0.9}, "gate.rules.0.metric: expected one of rmse, mae, latency"),
        ({"metric": "negative_flips", "max": 0.1}, "gate.rules.0.metric: expected one of rmse, mae, latency"),
        (
            {"metric": "rmse", "min": 0.9},
            "gate.rules.0.min: expected max (a ceiling) in its place, as less rmse is better",
        ),
        ({"metric": "rmse", "margin": 0.1, "per_class": True}, "expected no per_class"),
    ],
)
def test_a_rule_that_the_outcome_does_not_have_is_told_with_those_that_it_has(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        params_of([rule])
    assert words in str(refused.value)


def test_a_margin_may_be_more_than_one() -> None:
    (rule,) = params_of([{"metric": "rmse", "margin": 1.5}]).gate.rules
    assert rule.model_dump()["margin"] == 1.5


def test_an_objective_that_the_outcome_does_not_have_is_told() -> None:
    with pytest.raises(ConfigError, match=r"gate\.objective: expected one of bytes, latency, rmse, mae"):
        params_of([{"metric": "rmse", "margin": 1.5}], "accuracy")


def write_shops(folder: Path, count: int) -> None:
    """Stars that are a mean of marks, bent a little."""
    rng = np.random.default_rng(1)
    marks = rng.integers(0, 256, (count, 8))
    stars = 0.5 + 4.5 * (marks[:, :4].mean(axis=1) / 255) ** 1.5 + rng.normal(0, 0.05, count)
    folder.mkdir()
    lines = [",".join(map(str, [round(float(star), 2), *row])) for star, row in zip(stars, marks.tolist(), strict=True)]
    for number in range(4):
        (folder / f"{number}.csv").write_text("\n".join(lines[number::4]) + "\n")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of five hundred shops, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("shops")
    write_shops(folder / "source", 500)
    with (folder / "source/3.csv").open("a") as file:
        file.write("four,1,2,3,4,5,6,7,8\n")
    data = data_of(OWN).model_validate({"source": str(folder / "source"), "workload": OWN})
    prepare(data, current_listing(data), folder / "prepared")
    return folder / "prepared"


def be_silent(line: str) -> None:
    del line


def test_targets_are_numbers_from_the_source_to_the_shards(shops: Path) -> None:
    dataset = read_dataset(shops)
    assert (dataset.classes, dataset.target, dataset.refused_samples) == ((), Ratings.target, 1)
    assert sum(part.samples for part in dataset.splits.values()) == 500
    assert all(part.per_class == {} for part in dataset.splits.values())
    inputs, stars = next(read_batches("train", 1000, shops))
    marks = inputs.arrays["marks"]
    assert stars.dtype == np.float32
    assert marks.shape[1:] == (8,)
    meant = 0.5 + 4.5 * (marks[:, :4].mean(axis=1) / 255) ** 1.5
    assert np.abs(stars - meant).max() < 0.3
    assert split_digest("test", shops) != split_digest("validation", shops)


def test_the_weights_of_the_epoch_with_the_least_error_are_kept(shops: Path) -> None:
    set_seed(1)
    model = network((8,), 1)
    course = fit(model, Plan(epochs=6, batch_size=64, learning_rate=0.05, seed=1), shops, say=be_silent)
    errors = [row["validation_rmse"] for row in course.rows]
    assert course.best_epoch == int(np.argmin(errors)) + 1 < 6
    assert course.metrics == {"rmse": min(errors)}
    flatbuffer, recorded = to_tflite(model), recorded_samples(Marks.inputs, shops)
    comparison = check_float32(model, flatbuffer, recorded)
    assert (comparison.agreement, "answers" in comparison.sentence) == (None, False)
    assert check_split(model, flatbuffer, comparison, "rmse", shops) == pytest.approx(min(errors), rel=1e-3)


def test_a_teacher_of_numbers_is_learned_from(shops: Path) -> None:
    set_seed(1)
    teacher = Teacher((network((8,), 1),), temperature=4.0, weight=1.0)
    student = network((8,), 1)
    fit(
        student,
        Plan(epochs=8, batch_size=64, learning_rate=0.01, seed=1, teacher=teacher, keep_best=False),
        shops,
        say=be_silent,
    )
    marks, _ = next(read_batches("validation", 1000, shops))
    taught, learned = answers(teacher.members[0], marks), answers(student, marks)
    assert np.sqrt(np.mean((taught - learned) ** 2)) < 0.1


def test_balanced_calibration_needs_classes(shops: Path) -> None:
    context = Context(seed=1, batch_size=32, prepared=shops)
    with pytest.raises(Unsuited, match="Expected classes for balanced calibration"):
        calibration_set(Calibration(balanced=True), context)
    drawn = calibration_set(Calibration(samples=10), context)
    assert "per_class" not in drawn.details(())


@pytest.mark.slow
def test_marks_of_shops_become_a_release_that_answers_with_stars(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    shutil.copy(Path(__file__).with_name("ratings.py"), folder)
    write_shops(folder / "shops", 2000)
    with (folder / "shops/0.csv").open("a") as file:
        file.write("three,1,2\n")
    text = (folder / "params.yaml").read_text()
    start, end = text.index("  image:"), text.index("  split:")
    augmentation = text[text.index("  augmentation:") : text.index("  patience:")]
    text = text.replace(text[text.index("outcome:") : text.index("# Networks beside")], "")
    text = text[:start] + "  shops: {}\n" + text[end:]
    recipe = "recipes:\n  int8:\n    - {technique: quantize, mode: int8, calibration: 100}\n"
    text = text.replace(augmentation, "  augmentation: {}\n").replace(RECIPES, recipe)
    rules = text.index("  rules:", text.index("\ngate:"))
    text = (
        text[:rules]
        + "  rules:\n    - {metric: rmse, margin: 0.2}\n    - {metric: mae, max: 0.6}\n\n"
        + text[text.index("deployment:") :]
    )
    (folder / "params.yaml").write_text(text)
    stages = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(stages.replace("data.image", "data.shops"))
    command: list[str | Path] = [BIN / "slimline", "run"]
    for setting in (
        "data.source=shops",
        "data.workload=ratings:Shops",
        "training.model=ratings:network",
        "training.epochs=20",
        "deployment.model=shops",
    ):
        command += ["--set", setting]
    run(command, folder)
    dataset = json.loads((folder / "data/prepared/dataset.json").read_text())
    assert (dataset["classes"], dataset["target"]["name"], dataset["refused_samples"]) == ([], "stars", 1)
    training = json.loads((folder / "reports/training.json").read_text())
    assert training["metrics"]["rmse"] == pytest.approx(training["litert_metrics"]["rmse"], rel=1e-3)
    course = [float(line.split(",")[4]) for line in (folder / "reports/history.csv").read_text().splitlines()[1:]]
    assert course.index(min(course)) + 1 == training["best_epoch"]
    quality = json.loads((folder / "reports/quality/int8.json").read_text())
    assert set(quality["splits"]["validation"]["metrics"]) == {"rmse", "mae"}

    device = folder / "device"
    run([BIN / "slimline", "fetch", "shops", "--to", str(device)], folder)
    assert not (device / "current/labels.json").exists()
    assert "To tell how many stars a shop of eight marks gets." in (device / "current/model_card.md").read_text()
    (folder / "question.csv").write_text(",".join(["128"] * 8))
    told = ["--workload", "ratings:Shops", "--json"]
    asked: list[str | Path] = [BIN / "slimline", "predict", str(folder / "question.csv"), "--model", str(device), *told]
    (answer,) = json.loads(run(asked, folder).stdout)
    assert answer["value"] == pytest.approx(0.5 + 4.5 * (128 / 255) ** 1.5, abs=0.4)
    assert answer["label"] == f"{answer['value']:.2f} stars"
    again = run([BIN / "slimline", "releases"], folder).stdout
    assert "Rmse" in again
