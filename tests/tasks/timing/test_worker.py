from pathlib import Path

import numpy as np
import pytest

from tasks.timing import worker
from tasks.timing.worker import Job, measure
from tests.tasks.evaluation.material import digits


def test_a_slow_model_takes_fewer_images_at_once(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if any batch of more than one image took longer than a second."""
    monkeypatch.setattr(worker, "LONGEST_BATCH", 1)
    np.save(tmp_path / "images.npy", digits()[0][:8])
    job = Job(
        models={"a": models / "digits_float.tflite"},
        inputs={"image": tmp_path / "images.npy"},
        own_inputs={},
        rounds=5,
        warmup=0,
        batch=8,
        seconds=None,
        result=tmp_path / "timings.json",
    )
    timings = measure(job)
    assert timings.batches == {"a": 1}
    assert len(timings.throughputs["a"]) == 2
