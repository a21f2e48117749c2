"""A real project for the tests of evaluation."""

from pathlib import Path

import pytest

from tasks.compression.records import candidate_model, candidate_record
from tasks.files import sha256, write_text
from tasks.records import write_record
from tasks.samples import PREPARED
from tasks.training.records import BASELINE_TFLITE, HISTORY, TRAINING
from tests.tasks.evaluation.material import (
    RECIPES,
    made_up_candidate,
    made_up_training,
    write_prepared,
)


@pytest.fixture
def project(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which the line has come as far as the evaluation; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    write_prepared(tmp_path / PREPARED)
    write_record(TRAINING, made_up_training())
    rows = [
        "epoch,loss,accuracy,validation_loss,validation_accuracy",
        "1,2,.5,2.1,.4",
        "2,1,.7,1.1,.6",
        "3,.9,.8,1.2,.6",
    ]
    write_text(HISTORY, "\n".join(rows) + "\n")
    BASELINE_TFLITE.parent.mkdir()
    BASELINE_TFLITE.write_bytes((models / "digits_float.tflite").read_bytes())
    for recipe, model in RECIPES.items():
        candidate_model(recipe).parent.mkdir(parents=True)
        candidate_model(recipe).write_bytes((models / f"{model}.tflite").read_bytes())
        write_record(candidate_record(recipe), made_up_candidate(recipe, sha256(candidate_model(recipe))))
    Path("models/production").mkdir()
    Path("models/production/production.json").write_text('{"release": null, "classes": null}')
    return tmp_path
