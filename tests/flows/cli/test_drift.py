import json
from pathlib import Path

import pytest
from PIL import Image
from ruamel.yaml import YAML

from tasks.config import Params
from tasks.deployment.releases.publishing import publish
from tasks.drift.stage import drift
from tests.commands import Slimline
from tests.tasks.data_loading.material import encoded
from tests.tasks.deployment.project import decide, params_for, write_project
from tests.tasks.drift.test_stage import prepare


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project that has released a model, whose params.yaml says so."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    write_project(params)
    prepare(200)
    drift(params)
    decide(params)
    publish(params)
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))
    return params


def test_files_that_a_device_has_collected_are_compared_with_the_release(slimline: Slimline, params: Params) -> None:
    Path("collected").mkdir()
    for number in range(100):
        Path(f"collected/{number}.png").write_bytes(encoded(Image.new("L", (2, 2), 180 + number % 9), "PNG"))
    Path("collected/broken.png").write_bytes(b"none")
    said = slimline("drift", "collected")
    assert "That alone would call for a retrain." in said
    assert "1 file was not used." in said
    report = json.loads(slimline("drift", "collected", "--json"))
    assert (report["release"], report["samples"], report["not_used"], report["calls_for_retrain"]) == (1, 100, 1, True)
    assert {shift["statistic"] for shift in report["shifts"]} == {"image mean", "image contrast"}


def test_the_data_that_was_prepared_last_is_compared_too(slimline: Slimline, params: Params) -> None:
    assert "That calls for no retrain." in slimline("drift")
    prepare(200, light=True)
    assert "class shares: dark 50.0%, now 0.0%" in slimline("drift")


def test_a_folder_that_is_none_says_so(slimline: Slimline, params: Params) -> None:
    assert "Expected a folder of samples" in slimline("drift", "nowhere", code=1)
