import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flows.cli.devices import predict as ask
from tasks.config import Params
from tasks.deployment.device.client import fetch
from tasks.deployment.device.prediction import how_to_ask, predict
from tasks.deployment.releases.promotion import registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.release_state import already_released
from tasks.deployment.trust.trusted import Trust
from tasks.errors import DataError, ReleaseError
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import GATE, GateReport, Quality, quality_file
from tasks.litert import LiteRTModel
from tasks.records import read_record, write_record
from tasks.workloads.outcomes.classes.measuring import ClassPrediction, softmax
from tests.tasks.deployment.project import RECIPE, decide, trust_of, write_project


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The questions are answered after the model has left its store."""
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def device(project: Params, tmp_path: Path) -> Path:
    publish(project)
    fetch(project.deployment.store, "shades", "production", tmp_path / "device", trust_of(project))
    return tmp_path / "device"


@pytest.fixture
def trust(device: Path, project: Params) -> Trust:
    return trust_of(project)


def image(path: Path, grey: int, mode: str = "L") -> Path:
    Image.new("L", (9, 5), grey).convert(mode).save(path)
    return path


def test_each_file_gets_its_answer_in_order(device: Path, trust: Trust, tmp_path: Path) -> None:
    files = [image(tmp_path / "dark.png", 10), image(tmp_path / "light.png", 245, "RGB")]
    dark, light = predict(device, files, trust)
    assert [(answer.file, answer.label) for answer in (dark, light)] == [
        (str(files[0]), "dark"),
        (str(files[1]), "light"),
    ]
    assert isinstance(dark, ClassPrediction)
    assert isinstance(light, ClassPrediction)
    assert dark.score == dark.scores["dark"] == pytest.approx(1 - dark.scores["light"])
    logit = 4 * 10 / 255 - 2  # four pixels over the bias; the other logit is its negative
    assert isinstance(dark, ClassPrediction)
    assert isinstance(light, ClassPrediction)
    assert dark.score == pytest.approx(1 / (1 + np.exp(2 * logit)))


def test_a_version_may_be_asked_by_its_folder(device: Path, trust: Trust, tmp_path: Path) -> None:
    file = image(tmp_path / "light.png", 245)
    assert predict(device / "1", [file], trust) == predict(device, [file], trust)


def test_no_files_need_no_answers(device: Path, trust: Trust) -> None:
    assert predict(device, [], trust) == []


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_what_is_no_image_is_named(device: Path, trust: Trust, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "file.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"Expected .*file\.png to be an image"):
        predict(device, [file], trust)


@pytest.mark.usefixtures("trust")
def test_a_file_that_is_no_image_takes_no_answer_from_the_others(
    device: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        image(tmp_path / "dark.png", 10),
        tmp_path / "missing.png",
        tmp_path / "none",
        image(tmp_path / "b.png", 245),
    ]
    with pytest.raises(DataError, match=r"Expected .*none to be an image"):
        ask(*map(str, files), model=device, allow_unsigned=True)
    said = capsys.readouterr()
    assert [line.split("\t")[:2] for line in said.out.splitlines()] == [
        [str(files[0]), "dark"],
        [str(files[3]), "light"],
    ]
    assert "missing.png" in said.err


def test_a_torn_image_is_named(device: Path, trust: Trust, tmp_path: Path) -> None:
    file = tmp_path / "torn.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"torn\.png"):
        predict(device, [file], trust)


def test_a_folder_without_a_release_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="Run `slimline fetch`"):
        predict(tmp_path, [], Trust())


@pytest.mark.parametrize("name", ["model.tflite", "labels.json", "manifest.dsse.json"])
def test_a_damaged_release_is_not_asked(device: Path, trust: Trust, name: str) -> None:
    file = device / "current" / name
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(ReleaseError):
        predict(device, [], trust)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 3}, "the format '3', which is not one of 1, 2"),
        ({"format": "x"}, "the format 'x'"),
        ({"format": True}, "the format 'True'"),
        ({"outcome": "ratings"}, "the outcome 'ratings', which is not the workload's classes"),
        ({"inputs": {}}, "Received: no inputs"),
        ({"inputs": [1]}, "to name a workload"),
    ],
)
def test_a_signature_that_is_not_understood_is_no_question(device: Path, change: dict[str, object], words: str) -> None:
    folder = device / "current"
    signature = json.loads((folder / "signature.json").read_text())
    (folder / "signature.json").write_text(json.dumps({**signature, **change}))
    with pytest.raises(ReleaseError, match=words):
        how_to_ask(folder, LiteRTModel(folder / "model.tflite"))


def test_a_model_with_more_answers_than_labels_is_not_asked(project: Params, tmp_path: Path) -> None:
    dataset = Path("data/prepared/dataset.json")
    dataset.write_text(dataset.read_text().replace('"light"\n', '"light", "other"\n', 1))
    decide(project)
    publish(project)
    fetch(project.deployment.store, "shades", "production", tmp_path / "device", trust_of(project))
    with pytest.raises(ReleaseError, match=r"a label for each of the 2 outputs.*Received: 3 labels"):
        predict(tmp_path / "device", [], trust_of(project))


def test_scores_of_large_logits_are_finite() -> None:
    assert softmax(np.array([1e4, 0.0, -1e4], np.float32)).tolist() == [1.0, 0.0, 0.0]


def settle(numbers: tuple[float, ...]) -> None:
    """Let the candidate of the working folder have thresholds."""
    quality, gate = read_record(quality_file(RECIPE), Quality), read_record(GATE, GateReport)
    write_record(quality_file(RECIPE), quality.model_copy(update={"settled": numbers}))
    write_record(GATE, gate.model_copy(update={"settled": numbers}))


def test_the_thresholds_of_a_release_decide_its_answers(project: Params, tmp_path: Path) -> None:
    write_project(project)
    settle((0.0, 6.0))
    decide(project)
    publish(project)
    device = tmp_path / "device"
    fetch(project.deployment.store, "shades", "production", device, trust_of(project))
    (answer,) = predict(device, [image(tmp_path / "dark.png", 100)], trust_of(project))
    assert isinstance(answer, ClassPrediction)
    assert answer.label == "light"  # without thresholds it is dark
    assert answer.score == max(answer.scores.values())
    signature = json.loads((device / "current/signature.json").read_text())
    assert signature["settled"]["numbers"] == [0.0, 6.0]
    assert "added to the logits" in signature["settled"]["meaning"]
    decision = read_decision(project)
    assert decision is not None
    assert decision.question.settled == {RECIPE: (0.0, 6.0)}


def test_the_same_model_with_other_thresholds_is_another_release(project: Params) -> None:
    write_project(project)
    publish(project)
    registry = registry_of(project.deployment)
    assert already_released(project, registry)
    settle((0.0, 1.0))
    assert read_decision(project) is None  # it is another question
    assert already_released(project, registry) is None


def test_thresholds_that_do_not_fit_are_not_asked(project: Params, tmp_path: Path) -> None:
    write_project(project)
    settle((0.0, 1.0, 2.0))
    decide(project)
    publish(project)
    fetch(project.deployment.store, "shades", "production", tmp_path / "device", trust_of(project))
    with pytest.raises(ReleaseError, match="a threshold for each of the 2 outputs"):
        predict(tmp_path / "device", [], trust_of(project))
