"""The profile travels with a release, and new data is compared with it."""

from pathlib import Path

import pytest
from PIL import Image

from tasks.config import Params
from tasks.deployment.releases.production import production
from tasks.deployment.releases.publishing import publish
from tasks.drift.files import profile_files
from tasks.drift.records import DRIFT, PRODUCTION_PROFILE, PROFILE, DriftReport, Profile
from tasks.drift.stage import drift, expect_production_profile
from tasks.errors import DataError
from tasks.records import read_record, write_record
from tasks.samples import PREPARED, SPLITS
from tests.flows.shades import write_split
from tests.tasks.data_loading.material import encoded
from tests.tasks.deployment.project import dataset, decide, params_for, write_project


@pytest.fixture
def params(workspace: Path) -> Params:
    params = params_for(f"file://{workspace / 'store'}")
    write_project(params)
    prepare(400)
    decide(params)
    return params


def prepare(count: int, light: bool = False) -> None:
    """Prepared data of so many samples a split, all of them light or half."""
    parts = {split: write_split(split, count, count if light else 0) for split in SPLITS}
    write_record(PREPARED / "dataset.json", dataset().model_copy(update={"splits": parts}))


def found(params: Params) -> DriftReport:
    drift(params)
    return read_record(DRIFT, DriftReport)


def test_a_release_carries_the_profile_that_later_data_is_compared_with(params: Params) -> None:
    assert "no release is in production yet" in found(params).sentence
    publish(params)
    production(params)
    assert PRODUCTION_PROFILE.read_bytes() == PROFILE.read_bytes()
    same = found(params)
    assert (same.release, same.calls_for_retrain) == (1, False)
    prepare(400, light=True)
    other = found(params)
    assert other.calls_for_retrain
    assert "class shares: dark 50.0%, now 0.0%" in other.sentence


def test_a_release_of_before_carries_none(params: Params) -> None:
    publish(params)
    PRODUCTION_PROFILE.write_text("of an older release")
    production(params)
    Path("models/production/model.tflite").unlink()  # brought anew
    production(params)
    assert not PRODUCTION_PROFILE.exists()
    assert "release 1 carries no profile" in found(params).sentence
    with pytest.raises(DataError, match="release 1, which carries none"):
        expect_production_profile()


def test_a_profile_that_is_none_is_told(params: Params) -> None:
    PRODUCTION_PROFILE.parent.mkdir(parents=True, exist_ok=True)
    PRODUCTION_PROFILE.write_text('{"format": 1}')
    with pytest.raises(DataError, match="to hold a Profile"):
        drift(params)


def grey(level: int, size: int = 2) -> bytes:
    return encoded(Image.new("L", (size, size), level), "PNG")


def test_files_that_a_device_has_collected_are_profiled_without_classes(params: Params, tmp_path: Path) -> None:
    drift(params)
    like = read_record(PROFILE, Profile)
    folder = tmp_path / "collected"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.png").write_bytes(grey(250, 2 + number % 3))
    (folder / "broken.png").write_bytes(b"none")
    (folder / "notes.txt").write_text("no sample")
    profile, passed = profile_files(folder, like)
    assert (profile.samples, profile.classes, passed.count) == (300, {}, 1)
    assert "broken.png" in passed.first


def test_files_in_known_class_folders_have_classes(params: Params, tmp_path: Path) -> None:
    drift(params)
    like = read_record(PROFILE, Profile)
    for name in ("dark", "light", "light"):
        (tmp_path / f"new/{name}").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"new/{name}/{len(list(tmp_path.rglob('*.png')))}.png").write_bytes(grey(9))
    assert profile_files(tmp_path / "new", like)[0].classes == {"dark": 1, "light": 2}


@pytest.mark.parametrize("what", ["nowhere", "empty", "broken"])
def test_a_folder_without_samples_says_so(params: Params, tmp_path: Path, what: str) -> None:
    drift(params)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/1.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"Expected (a folder of samples|samples in)"):
        profile_files(tmp_path / what, read_record(PROFILE, Profile))
