"""The train stage in processes of its own."""

import contextlib
import csv
import io
import platform
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.config import load_params
from tasks.errors import ConversionError, TrainingError
from tasks.learning.saving import load_model, weights_digest
from tasks.litert import LiteRTModel
from tasks.records import read_record
from tasks.training.records import BASELINE_KERAS, BASELINE_TFLITE, HISTORY, TRAINING, TrainingReport
from tasks.training.trainer import train

TRAIN = [sys.executable, "-m", "tasks.training", "train"]
REPOSITORY = Path(__file__).parents[3]
TRAINING_PARAMS = {
    "model": "article_cnn",
    "epochs": 4,
    "batch_size": 200,
    "learning_rate": 0.003,
    "dropout": 0.3,
    "augmentation": {"flip": True, "shift": 0.1, "brightness": 0.1, "contrast": 0.1, "cutout": 0.2},
}
OUTPUTS = (BASELINE_KERAS, BASELINE_TFLITE, HISTORY)


@pytest.fixture(scope="module")
def new_project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a project folder with params.yaml and prepared digits."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        yaml = YAML(typ="safe")
        params = yaml.load((REPOSITORY / "params.yaml").read_text())
        params["training"] = {**params["training"], **TRAINING_PARAMS}
        yaml.dump(params, folder / "params.yaml")
        (folder / "data").mkdir()
        (folder / "data/prepared").symlink_to(prepared)
        return folder

    return make


@pytest.fixture(scope="module")
def whole(new_project: Callable[[str], Path]) -> tuple[Path, list[str]]:
    """A project after an undisturbed training in this process, and what was printed."""
    folder = new_project("whole")
    return folder, trained_in(folder)


def trained_in(folder: Path) -> list[str]:
    """Train in this process; gives what is printed."""
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        train(load_params())
    return said.getvalue().splitlines()


def test_a_killed_training_run_again_ends_with_the_same_bytes(
    whole: tuple[Path, list[str]], new_project: Callable[[str], Path]
) -> None:
    folder = new_project("killed")
    with subprocess.Popen(TRAIN, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 3/4"):
                process.kill()
    assert process.returncode == -9
    assert not any((folder / path).exists() for path in OUTPUTS)
    said = trained_in(folder)
    assert any(line.startswith("goes on after epoch") for line in said)
    assert not any(line.startswith("epoch 1/4") for line in said)
    for path in OUTPUTS:
        assert (folder / path).read_bytes() == (whole[0] / path).read_bytes(), path
    assert not list((folder / ".slimline").rglob("*.npz"))


def test_the_report_says_what_came_of_it(whole: tuple[Path, list[str]]) -> None:
    folder, lines = whole
    report = read_record(folder / TRAINING, TrainingReport)
    model = load_model(folder / BASELINE_KERAS)
    rows = list(csv.DictReader((folder / HISTORY).read_text().splitlines()))
    assert report.model == "article_cnn"
    assert report.parameters == model.count_params()
    assert report.weights_sha256 == weights_digest(model)
    assert report.epochs == len(rows) == 4
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"]
    assert report.metrics["accuracy"] == max(float(row["validation_accuracy"]) for row in rows)
    assert float(rows[report.best_epoch - 1]["validation_accuracy"]) == report.metrics["accuracy"]
    assert {"tensorflow", "tf_keras", "numpy", "ai-edge-quantizer", "tensorly", "scipy"} <= set(report.versions)
    assert report.versions["python"] == platform.python_version()
    assert sum(line.startswith("epoch ") for line in lines) == 4
    assert lines[-2].startswith("models/baseline.tflite: 1")
    assert lines[-1] == f"kept epoch {report.best_epoch}: validation accuracy {report.metrics['accuracy']:.4f}"
    assert LiteRTModel(folder / BASELINE_TFLITE).inputs["image"].dtype == "uint8"
    assert report.conversion is not None
    assert (report.conversion.samples, report.conversion.agreement) == (64, 1.0)
    assert report.conversion.signal_to_noise_db >= 110
    assert report.litert_metrics["accuracy"] == pytest.approx(report.metrics["accuracy"], abs=1e-6)


def test_nothing_is_left_behind(whole: tuple[Path, list[str]]) -> None:
    files = {str(path.relative_to(whole[0])) for path in whole[0].rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith("data/")} == {
        "params.yaml",
        *(str(path) for path in (*OUTPUTS, TRAINING)),
    }


@pytest.fixture
def train_with(new_project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Trains a network that has this layer, for one epoch, in a new folder that becomes the current one."""

    def run(layer: str) -> None:
        folder = new_project("odd")
        module = f"own_network_{zlib.crc32(layer.encode())}"
        (folder / f"{module}.py").write_text(
            "from tasks.backend import keras\n"
            "from tests.tasks.training.odd_networks import own_layers, stack\n"
            f"def build(shape, classes, dropout):\n    return stack({layer})\n"
        )
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        params = load_params()
        training = params.training.model_copy(update={"model": f"{module}:build", "epochs": 1})
        train(params.model_copy(update={"training": training}))

    return run


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("own_layers()['Noisy'](name='own')", "own .Noisy. gives other"),
        ("own_layers()['Traced'](name='own')", "own .Traced. is the first that differs"),
    ],
)
def test_a_network_that_its_file_does_not_compute_is_no_baseline(
    layer: str, sentence: str, train_with: Callable[[str], None]
) -> None:
    with pytest.raises(ConversionError, match=sentence):
        train_with(layer)
    assert not any(path.exists() for path in (*OUTPUTS, TRAINING))


@pytest.mark.parametrize(
    ("layer", "error", "sentence"),
    [
        (
            "keras().layers.Lambda(lambda x: 2 * x, name='own')",
            TrainingError,
            r"layer own \(Lambda\).* a layer of your own",
        ),
        (
            "keras().layers.Conv2D(2, 3, activation=lambda x: 2 * x, name='own')",
            TrainingError,
            r"copied.* layer own \(Conv2D\)",
        ),
        (
            "own_layers()['Pairs'](name='own')",
            ConversionError,
            r"one sample.* layer own \(Pairs\), ValueError: no pair",
        ),
    ],
)
def test_a_network_that_cannot_be_kept_is_refused_before_the_first_epoch(
    layer: str,
    error: type[Exception],
    sentence: str,
    train_with: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(error, match=sentence):
        train_with(layer)
    assert "epoch 1/1" not in capsys.readouterr().out


def test_a_training_that_ends_without_numbers_is_no_baseline(
    new_project: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_project("diverged")
    monkeypatch.chdir(folder)
    params = load_params()
    # the first step takes the weights beyond what float32 holds
    training = params.training.model_copy(update={"epochs": 1, "learning_rate": 1e38})
    with pytest.raises(TrainingError, match=r"weights of the trained network\. Received: .* in layer conv2d"):
        train(params.model_copy(update={"training": training}))
    assert not any((folder / path).exists() for path in (*OUTPUTS, TRAINING))
