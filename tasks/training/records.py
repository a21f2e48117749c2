"""Records that the training stage leaves for others to read."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.learning.records import Comparison
from tasks.records import FormattedRecord, Record

BASELINE_KERAS = Path("models/baseline.keras")
BASELINE_TFLITE = Path("models/baseline.tflite")
TRAINING = Path("reports/training.json")
TEACHERS = Path("models/teachers")
TEACHERS_RECORD = TEACHERS / "teachers.json"
SERVING = Path("models/serving/serving.json")
SAVED_MODEL = Path("models/serving/saved_model")  # only where params ask for it
HISTORY = Path("reports/history.csv")  # epoch, loss, the outcome's metric, and both on validation


class TrainingReport(FormattedRecord):
    """The baseline's training. ``metrics`` and ``litert_metrics`` are of the validation split, by name."""

    format: Literal[2] = 2
    model: str
    parameters: int
    epochs: int  # trained
    best_epoch: int  # whose weights were kept; counts from 1
    metrics: dict[str, float]  # of the kept weights, measured by Keras
    weights_sha256: str
    seconds: float
    versions: dict[str, str]  # of the libraries that decide about the weights
    threads: int | None = None  # which decide about their last bits
    conversion: Comparison | None = None  # of the .tflite file with the trained network
    litert_metrics: dict[str, float] = Field(default_factory=dict)  # of the .tflite file


class TeacherMember(Record):
    """One network of a teacher."""

    plan: str  # digest of network, first weights, data, code and the way it is trained
    metrics: dict[str, float]  # on the validation split, by name
    parameters: int


class TeachersReport(FormattedRecord):
    """The teachers by their names."""

    format: Literal[2] = 2
    teachers: dict[str, tuple[TeacherMember, ...]]
    threads: int | None = None  # of those that were trained last


def teacher_member(name: str, index: int) -> Path:
    """Return where a member of a teacher is.

    Args:
        name: of the teacher, as in params.yaml.
        index: of the member, from 0.
    """
    return TEACHERS / name / f"{index}.keras"


class ServingReport(Record):
    """The export for TensorFlow Serving: nothing, or the baseline with these weights."""

    weights_sha256: str | None = None
