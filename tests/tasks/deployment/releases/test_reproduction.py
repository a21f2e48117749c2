import json
import platform
from pathlib import Path

import pytest

from tasks.compression.records import Candidate, candidate_record
from tasks.config import Params
from tasks.deployment.device.downloading import download
from tasks.deployment.registry import read_manifest
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.reproduction import Reproduction, compare, difference, installed
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ReleaseError
from tasks.records import read_record, write_record
from tasks.training.records import TEACHERS_RECORD, TRAINING, TeachersReport, TrainingReport
from tests.tasks.deployment.project import RECIPE

SAME = dict.fromkeys(("models/baseline.keras", "models/baseline.tflite"), "0" * 32)
CANDIDATE = f"models/candidates/{RECIPE}/model.tflite"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


def compared(store: Store, release: Path, rebuilt: dict[str, str] = SAME) -> Reproduction:
    sealed = read_manifest(store, "shades", 1, ANYBODY)
    download(store, sealed, release)
    outputs = (SAME | {CANDIDATE: "1" * 32}, rebuilt | {CANDIDATE: "2" * 32})
    return compare(sealed.manifest, release, Path(), outputs, "a CPU")


def test_equal_bytes_are_no_difference() -> None:
    assert difference(b"abc", b"abc") is None
    assert difference(b"abc", b"abcd") == "4 bytes instead of 3"
    assert difference(b"abcd", b"aXcY") == "2 of 4 bytes differ, the first at 1"


def test_the_same_model_is_said_to_be_the_same(project: Params, store: Store, tmp_path: Path) -> None:
    publish(project, commit="c" * 40, dirty=False)
    made = compared(store, tmp_path / "release")
    assert made.identical
    assert made.differences == ()


def test_changes_outside_of_the_commit_are_named(project: Params, store: Store, tmp_path: Path) -> None:
    publish(project, commit="c" * 40, dirty=True)
    made = compared(store, tmp_path / "release")
    assert [line.partition(":")[0] for line in made.differences] == ["The code"]


def test_a_release_says_how_many_threads_made_it(project: Params, store: Store, tmp_path: Path) -> None:
    publish(project, commit="c" * 40, dirty=False)
    manifest = read_manifest(store, "shades", 1, ANYBODY).manifest
    assert manifest.threads == {"train": 3, "teach": 5, "compress": 7}


def test_one_that_does_not_is_said_to_leave_it_open(project: Params, store: Store, tmp_path: Path) -> None:
    records: dict[Path, type[TrainingReport | TeachersReport | Candidate]] = {
        TRAINING: TrainingReport,
        TEACHERS_RECORD: TeachersReport,
        candidate_record(RECIPE): Candidate,
    }
    for path, record in records.items():
        write_record(path, read_record(path, record).model_copy(update={"threads": None}))
    publish(project, commit="c" * 40, dirty=False)
    made = compared(store, tmp_path / "release")
    assert [line.partition(" then")[0] for line in made.differences] == ["The number of threads"]


def test_a_baseline_that_differs_is_where_it_began(project: Params, store: Store, tmp_path: Path) -> None:
    publish(project, commit="c" * 40, dirty=False)
    model = Path(CANDIDATE)
    model.write_bytes(model.read_bytes() + b"\0")
    made = compared(store, tmp_path / "release", dict.fromkeys(SAME, "f" * 32))
    assert not made.identical
    assert "bytes instead of" in made.sentence
    assert "the baseline differs already" in made.sentence


def test_other_data_and_libraries_that_are_gone_are_named(
    project: Params, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project, commit="c" * 40, dirty=False)
    dataset = Path("data/prepared/dataset.json")
    dataset.write_text(json.dumps(json.loads(dataset.read_text())))
    monkeypatch.setattr("tasks.deployment.releases.reproduction.installed", lambda _: None)
    made = compared(store, tmp_path / "release")
    assert made.differences == (
        "The data: dataset.json is not the one that the manifest names.",
        "The library tensorflow: 2.21.0 then, not installed now.",
        "The library tf_keras: 2.21.0 then, not installed now.",
    )


def test_python_is_no_library_and_is_known_by_itself() -> None:
    assert installed("python") == platform.python_version()
    assert installed("no-such-library") is None


def test_stages_that_leave_no_model_are_an_error(project: Params, store: Store, tmp_path: Path) -> None:
    publish(project, commit="c" * 40, dirty=False)
    Path(CANDIDATE).unlink()
    with pytest.raises(ReleaseError, match="after the stages ran"):
        compared(store, tmp_path / "release")
