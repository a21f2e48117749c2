"""What the tests of several stages share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tasks.evaluation.material import digits


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small ``.tflite`` files, made by TensorFlow in a process of its own."""
    folder = tmp_path_factory.mktemp("models")
    images, labels = digits()
    np.savez(folder / "digits.npz", images=images[:1000], labels=labels[:1000])
    script = Path(__file__).with_name("evaluation") / "make_models.py"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, script, folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder
