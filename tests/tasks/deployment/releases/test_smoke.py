import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.config import Params, Smoke
from tasks.deployment.registry import current
from tasks.deployment.releases import bundle
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.samples import Recorded, Samples, choose, record, replay
from tasks.deployment.stores.protocol import Store
from tasks.errors import EvaluationError, ReleaseError
from tasks.litert import LiteRTModel
from tests.tasks.deployment.project import write_model
from tests.tasks.evaluation.material import write_prepared
from tests.tasks.material import made_up_dataset

SHADES = made_up_dataset((2, 2, 1), 2)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def model(tmp_path: Path) -> LiteRTModel:
    write_model(tmp_path / "model.tflite")
    return LiteRTModel(tmp_path / "model.tflite")


def scores(recorded: Samples) -> Any:
    return recorded.outputs.array()


def nudged(recorded: Samples, by: float, **changes: Any) -> Samples:
    outputs = Recorded.of(scores(recorded) + np.float32(by))
    return recorded.model_copy(update={"outputs": outputs, **changes})


def test_a_model_gives_its_recorded_answers(model: LiteRTModel) -> None:
    recorded = record(model, Smoke(samples=5), SHADES)
    assert recorded == record(model, Smoke(samples=5), SHADES)
    assert recorded.inputs["image"].shape == (5, 2, 2, 1)
    assert len({row.tobytes() for row in scores(recorded)}) == 5
    assert replay(model, recorded) == 5


def test_another_model_does_not(model: LiteRTModel, tmp_path: Path) -> None:
    write_model(tmp_path / "other.tflite", bias=np.array([2.0, -2.001], np.float32))
    with pytest.raises(ReleaseError, match=r"the 8 recorded answers.*others, up to 0"):
        replay(LiteRTModel(tmp_path / "other.tflite"), record(model, Smoke(), SHADES))


def test_where_it_was_recorded_every_bit_counts(model: LiteRTModel) -> None:
    with pytest.raises(ReleaseError, match="others"):
        replay(model, nudged(record(model, Smoke(), SHADES), 1e-6))


def test_on_another_processor_rounding_is_forgiven_and_no_more(model: LiteRTModel) -> None:
    recorded = record(model, Smoke(), SHADES)
    largest = float(np.abs(scores(recorded)).max())
    replay(model, nudged(recorded, largest * 9e-4, cpu="another"))
    with pytest.raises(ReleaseError, match="others"):
        replay(model, nudged(recorded, largest * 2e-3, cpu="another"))


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("inputs", {"shape": (3, 2, 2, 1)}),
        ("inputs", {"shape": None}),
        ("inputs", {"content": "?"}),
        ("inputs", {"dtype": "float32"}),
        ("outputs", {"content": "AAAA"}),
        ("outputs", {"content": ""}),
        ("outputs", {"shape": (1, 2)}),
    ],
)
def test_damaged_samples_are_refused(model: LiteRTModel, part: str, changes: dict[str, Any]) -> None:
    recorded = record(model, Smoke(), SHADES)
    damaged: Any = {
        "inputs": {"inputs": {"image": recorded.inputs["image"].model_copy(update=changes)}},
        "outputs": {"outputs": recorded.outputs.model_copy(update=changes)},
    }[part]
    with pytest.raises(ReleaseError):
        replay(model, recorded.model_copy(update=damaged))


def test_samples_of_other_inputs_than_the_models_are_refused(model: LiteRTModel) -> None:
    recorded = record(model, Smoke(), SHADES)
    several = {"image": recorded.inputs["image"], "other": recorded.inputs["image"]}
    with pytest.raises(EvaluationError, match=r"the inputs .*Received: image, other"):
        replay(model, recorded.model_copy(update={"inputs": several}))


def test_samples_without_a_format_are_read_as_the_first_ones_and_never_as_todays(model: LiteRTModel) -> None:
    written = record(model, Smoke(), SHADES).model_dump(mode="json")
    image, answers = written["inputs"]["image"], written["outputs"]
    place = {key: written[key] for key in ("cpu", "runtime")}
    first = {"shape": image["shape"], "images": image["content"], "scores": answers["content"], **place}
    assert replay(model, Samples.model_validate_json(json.dumps(first))) == len(scores(record(model, Smoke(), SHADES)))
    del written["format"]
    with pytest.raises(ValidationError):
        Samples.model_validate_json(json.dumps(written))


def test_large_images_are_recorded_fewer_at_a_time() -> None:
    assert len(choose(Smoke(samples=64), made_up_dataset((1024, 1024, 3), 2))) == 1
    assert len(choose(Smoke(samples=64), made_up_dataset((256, 256, 3), 2))) == 21


def test_images_of_the_validation_split_are_taken_where_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_prepared(Path("data/prepared"))
    from tasks.samples import read_batches, read_dataset

    first, _ = next(read_batches("validation", 4))
    assert choose(Smoke(samples=4, of="validation"), read_dataset()).tobytes() == first.tobytes()


def test_a_release_that_answers_otherwise_reaches_no_channel(
    project: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "record", lambda *asked: nudged(record(*asked), 0.5))
    with pytest.raises(ReleaseError, match=r"release 1 of shades to run on its recorded samples.*No channel was moved"):
        publish(project)
    assert current(store, "shades", "staging") is None
    assert current(store, "shades", "production") is None


def test_a_model_that_does_not_load_reaches_no_channel(
    project: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.deployment.releases import smoke

    class Broken:
        def __init__(self, path: Path) -> None:
            raise EvaluationError(f"Expected {path.name} to be a model that LiteRT loads. Received: none.")

    monkeypatch.setattr(smoke, "LiteRTModel", Broken)
    with pytest.raises(ReleaseError, match="LiteRT loads"):
        publish(project)
    assert current(store, "shades", "staging") is None
