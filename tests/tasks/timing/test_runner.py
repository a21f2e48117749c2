from pathlib import Path

import numpy as np
import pytest

from tasks.timing import runner as module
from tasks.timing.runner import SHORTEST, Runner
from tests.tasks.evaluation.material import digits


def test_a_larger_network_takes_longer(models: Path) -> None:
    images = np.zeros((8, 8, 8, 1), np.uint8)
    small = Runner(models / "digits_float.tflite", 1)
    large = Runner(models / "article_float.tflite", 1)
    noise = np.zeros((8, 32, 32, 3), np.uint8)
    assert min(large.time(noise) for _ in range(9)) > 3 * min(small.time(images) for _ in range(9))


def test_a_short_run_is_repeated_until_the_clock_can_tell(models: Path) -> None:
    runner = Runner(models / "digits_float.tflite", 1)
    images = digits()[0][:1]
    runner.settle(images)
    once = min(runner.time(images) for _ in range(5))
    assert runner.repeats > 1
    assert runner.repeats * once > SHORTEST / 4


def test_a_batch_goes_through_at_once(models: Path) -> None:
    runner = Runner(models / "digits_float.tflite", 8)
    images = digits()[0][:8]
    runner.time(images)
    assert (runner.at_once, runner.model.scores().shape) == (8, (8, 10))


def test_a_slow_model_is_not_run_more_often_than_it_is_timed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG", 1)
    runner = Runner(models / "digits_float.tflite", 1)
    invoke, runs = runner.model.invoke, []

    def count() -> None:
        runs.append(1)
        invoke()

    monkeypatch.setattr(runner.model, "invoke", count)
    runner.settle(digits()[0][:1])
    assert len(runs) == 2
    assert not runner.fills_caches
    runner.repeats = 1
    runner.time(digits()[0][:1])
    assert len(runs) == 3
