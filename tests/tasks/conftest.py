"""Fixtures that the tests of several stages share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shared import made_once
from tests.tasks.evaluation.material import digits


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small ``.tflite`` files, made by TensorFlow in a process of its own."""
    return made_once(tmp_path_factory, "models", _make_models)


def _make_models(folder: Path) -> None:
    images, labels = digits()
    np.savez(folder / "digits.npz", images=images[:1000], labels=labels[:1000])
    script = Path(__file__).with_name("evaluation") / "make_models.py"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, script, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in digits as shards."""
    from tests.tasks.training.material import prepare_digits

    return made_once(tmp_path_factory, "prepared", lambda folder: prepare_digits(folder / "data")) / "data"


def trained_once(temporary: pytest.TempPathFactory, name: str, train: Callable[[], Any]) -> Any:
    """A network that one of the processes trains; each reads it from the file, so that all have the same."""
    from tasks.learning.saving import load_model, save_model

    folder = made_once(temporary, name, lambda folder: save_model(train(), folder / "model.keras"))
    return load_model(folder / "model.keras")


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Any:
    """The article's network, trained on the digits; nobody changes it."""
    from tests.tasks.training.material import trained_article

    return trained_once(tmp_path_factory, "article", lambda: trained_article(prepared))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Any:
    """The least network, trained on the digits; nobody changes it."""
    from tests.tasks.training.material import trained_tiny

    return trained_once(tmp_path_factory, "tiny", lambda: trained_tiny(prepared))


@pytest.fixture(scope="session")
def residual(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Any:
    """A small network with BatchNorm and Add, trained on the digits; nobody changes it."""
    from tests.tasks.training.material import trained_residual

    return trained_once(tmp_path_factory, "residual", lambda: trained_residual(prepared))


@pytest.fixture(scope="session")
def resnet(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Any:
    """ResNet-8, trained on the digits; nobody changes it. It takes a while."""
    from tests.tasks.training.material import trained_resnet

    return trained_once(tmp_path_factory, "resnet", lambda: trained_resnet(prepared))
