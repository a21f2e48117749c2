"""A network that keeps a state while it reads a sample, all the way from training to a device."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.compression.quantization.activations import observe, record_means
from tasks.config import Smoke
from tasks.deployment.releases.bundle import describe_signature
from tasks.deployment.releases.samples import record, replay
from tasks.evaluation.quality import predictions_of
from tasks.learning.comparison import answers, check_float32
from tasks.learning.conversion import to_tflite
from tasks.learning.fitting import Plan
from tasks.learning.recorded import recorded_samples
from tasks.litert import LiteRTModel
from tasks.samples import read_dataset
from tasks.timing.runner import Runner
from tasks.workloads.outcomes.classes.answers import top
from tests.tasks.material import made_up_dataset
from tests.tasks.training import odd_networks
from tests.tasks.training.material import SHAPE, SPECS, samples, trained


@pytest.fixture(scope="module")
def recurrent(prepared: Path) -> Any:
    """An LSTM over the rows of the digits, trained."""
    return trained(odd_networks.recurrent(), prepared, Plan(epochs=8, batch_size=64, learning_rate=0.01, seed=1))


@pytest.fixture(scope="module")
def file(recurrent: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its LiteRT model."""
    path = tmp_path_factory.mktemp("recurrent") / "model.tflite"
    path.write_bytes(to_tflite(recurrent))
    return path


@pytest.fixture(scope="module")
def images(prepared: Path) -> NDArray[np.uint8]:
    """Some of the test split."""
    return samples("test", prepared, 40)[0]


def test_the_file_is_its_network(recurrent: Any, file: Path, prepared: Path) -> None:
    assert check_float32(recurrent, file.read_bytes(), recorded_samples(SPECS, prepared)).signal_to_noise_db >= 110


def test_it_is_evaluated_as_it_was_trained(
    recurrent: Any, file: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/prepared").symlink_to(prepared)
    monkeypatch.chdir(tmp_path)
    evaluated = predictions_of(file, read_dataset()).splits["validation"]
    pixels, labels = samples("validation", prepared)
    own = answers(recurrent, pixels).argmax(axis=1)
    assert np.mean(own == labels) > 0.8
    assert np.array_equal(top(evaluated), own)


def test_an_answer_depends_on_its_sample_alone(file: Path, images: NDArray[np.uint8]) -> None:
    model = LiteRTModel(file)
    assert model.stateful
    together = model.predict(images)
    assert np.array_equal(model.predict(images[::-1])[::-1], together)
    assert np.array_equal(model.predict(images, batch=16), together)
    alone = np.concatenate([LiteRTModel(file).predict(image[np.newaxis]) for image in images])
    assert np.array_equal(alone, together)


def test_what_is_timed_and_what_is_observed_begin_afresh_too(file: Path, images: NDArray[np.uint8]) -> None:
    expected = LiteRTModel(file).predict(images)
    runner = Runner(file, 1)
    runner.settle(images)
    runner.time(images[3:4])
    assert np.array_equal(runner.model.scores(), expected[3:4])
    exit_ = runner.model.interpreter.get_output_details()[0]["index"]
    seen = [interpreter.get_tensor(exit_).copy() for interpreter in observe(file.read_bytes(), images)]
    np.testing.assert_allclose(np.concatenate(seen), expected, atol=1e-4)
    mean = record_means(file.read_bytes(), images, [exit_])[exit_]
    np.testing.assert_allclose(mean[0], expected.mean(axis=0), atol=1e-4)


def test_a_release_says_so_and_gives_its_recorded_answers_at_any_time(file: Path, images: NDArray[np.uint8]) -> None:
    model = LiteRTModel(file)
    recorded = record(model, Smoke(), made_up_dataset(SHAPE, 10))
    model.predict(images)
    assert replay(model, recorded) > 0
    assert "reset_all_variables" in describe_signature(model, made_up_dataset(SHAPE, 10))["state"]
