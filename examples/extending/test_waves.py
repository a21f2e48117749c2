"""From files of readings to a network's answers, by the workload's name alone."""

from pathlib import Path

import numpy as np
import pytest

from tasks.config import data_of, load_params
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import DataError
from tasks.learning.building import build_model
from tasks.learning.feeding import fed
from tasks.samples import Dataset, Inputs
from tasks.versioning.project import create
from tasks.workloads import find_workload, learning_of, reading_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slow and fast waves, and a file that holds none."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name, period in (("slow", 16), ("fast", 5)):
        (tmp_path / "readings" / name).mkdir(parents=True)
        for number in range(40):
            wave = np.sin(np.arange(40) * 2 * np.pi / period + rng.uniform(0, 6)) * 90 + rng.normal(0, 12, 40) + 128
            text = ",".join(map(str, np.clip(wave, 0, 255).astype(int)))
            (tmp_path / f"readings/{name}/{number}.csv").write_text(text)
    (tmp_path / "readings/fast/damaged.csv").write_text("one,two")
    return tmp_path


@pytest.fixture
def dataset(folder: Path) -> Dataset:
    data = data_of("waves").model_validate({"source": "readings", "workload": "waves", "max_refused": 0.1})
    return prepare(data, current_listing(data), folder / "prepared")


def test_files_in_class_folders_are_samples_and_what_cannot_be_one_is_told(dataset: Dataset) -> None:
    assert (dataset.classes, dataset.read, dataset.refused_samples) == (("fast", "slow"), 81, 1)
    assert "80 windows were cut to 32 readings." in dataset.notes
    assert "no whole numbers" in dataset.refused[0].reason


def test_a_network_of_the_workload_answers_a_question(dataset: Dataset, folder: Path) -> None:
    model = build_model("wave_cnn", dataset, dropout=0.1)
    asked = reading_of("waves").ask(folder / "readings/slow/0.csv", dataset.inputs, {})
    question = Inputs({name: array[None] for name, array in asked.items()})
    assert model(fed(question)).shape == (1, 2)
    with pytest.raises(DataError, match="to hold readings"):
        reading_of("waves").ask(folder / "readings/fast/damaged.csv", dataset.inputs, {})


def test_made_up_samples_and_changed_ones_are_windows_as_well(dataset: Dataset) -> None:
    workload = find_workload("waves")
    made_up = workload.noise(dataset.inputs, 4)
    assert {name: array.shape for name, array in made_up.items()} == {"readings": (4, 32, 1)}
    settings = workload.augmentation.model_validate({"shift": 3})
    moved = learning_of("waves").augment(made_up, settings, np.array([1, 2]))["readings"]
    assert sorted(np.asarray(moved)[0].ravel()) == sorted(made_up["readings"][0].ravel())
    assert workload.describe(dataset.inputs) == "a window of 32 readings"


def test_a_new_project_is_about_it(tmp_path: Path) -> None:
    create(tmp_path / "new", "mine", "waves")
    params = load_params(tmp_path / "new/params.yaml")
    assert (params.data.workload, params.training.model, params.training.epochs) == ("waves", "wave_cnn", 20)
    assert "data.waves" in (tmp_path / "new/dvc.yaml").read_text()
