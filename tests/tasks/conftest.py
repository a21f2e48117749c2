"""Fixtures that the tests of several stages share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.locking import locked
from tests.tasks.evaluation.material import digits


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one of the processes which share the tests makes, for all of them; nobody changes it."""
    top = temporary.getbasetemp()
    folder = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / f"shared-{name}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "made").touch()
    return folder


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


@pytest.fixture(scope="session")
def article(prepared: Path) -> Any:
    """The article's network, trained on the digits; nobody changes it."""
    from tasks.backend import set_seed
    from tasks.learning.fitting import Plan
    from tasks.workloads.image.networks import BUILDERS
    from tests.tasks.training.material import CLASSES, SHAPE, trained

    set_seed(1)
    model = BUILDERS["article_cnn"](SHAPE, CLASSES, 0.25)
    return trained(model, prepared, Plan(epochs=6, batch_size=64, learning_rate=0.003, seed=1))


@pytest.fixture(scope="session")
def tiny(prepared: Path) -> Any:
    """The least network, trained on the digits; nobody changes it."""
    from tasks.backend import set_seed
    from tasks.learning.fitting import Plan
    from tests.tasks.training.material import tiny, trained

    set_seed(1)
    return trained(tiny(), prepared, Plan(epochs=6, batch_size=64, learning_rate=0.003, seed=1))


@pytest.fixture(scope="session")
def residual(prepared: Path) -> Any:
    """A small network with BatchNorm and Add, trained on the digits; nobody changes it."""
    from tasks.backend import set_seed
    from tasks.learning.fitting import Plan
    from tests.tasks.training.material import residual, trained

    set_seed(1)
    return trained(residual(), prepared, Plan(epochs=6, batch_size=64, learning_rate=0.005, seed=1))


@pytest.fixture(scope="session")
def resnet(prepared: Path) -> Any:
    """ResNet-8, trained on the digits; nobody changes it. It takes a while."""
    from tasks.backend import set_seed
    from tasks.learning.fitting import Plan
    from tasks.workloads.image.networks import BUILDERS
    from tests.tasks.training.material import CLASSES, SHAPE, trained

    set_seed(1)
    model = BUILDERS["resnet8"](SHAPE, CLASSES, 0.0)
    return trained(model, prepared, Plan(epochs=12, batch_size=64, learning_rate=0.002, seed=1))
