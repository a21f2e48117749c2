"""What the training stage leaves for others to read."""

from pathlib import Path

from tasks.records import Record

BASELINE_KERAS = Path("models/baseline.keras")
BASELINE_TFLITE = Path("models/baseline.tflite")
TRAINING = Path("reports/training.json")
TEACHERS = Path("models/teachers")
TEACHERS_RECORD = TEACHERS / "teachers.json"
SERVING = Path("models/serving/serving.json")
SAVED_MODEL = Path("models/serving/saved_model")  # only where params ask for it
HISTORY = Path("reports/history.csv")  # epoch, loss, accuracy, validation_loss, validation_accuracy

THREADS = "TF_NUM_INTRAOP_THREADS"  # the environment's variable that says how many, by TensorFlow's name


class Comparison(Record):
    """A file's logits beside those of the network that it was made of, on the same samples.

    ``ties``: samples with another answer whose two best logits are no further apart than the permitted error.
    """

    of: str  # what the file is compared with
    samples: int
    noise: int  # of these, made up since the prepared data has no more
    signal_to_noise_db: float  # of the logits
    agreement: float  # fraction of the samples with the same answer
    ties: int = 0
    needed_db: float | None = None  # None: recorded, not required
    rounded_db: float | None = None  # of float16: to the same network with its weights rounded to float16

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        needed = "" if self.needed_db is None else f", {self.needed_db:.0f} dB needed"
        return (
            f"{self.signal_to_noise_db:.1f} dB and {self.agreement:.1%} of the answers of {self.of}, "
            f"on {self.samples} samples{needed}"
        )


class TrainingReport(Record):
    """How the baseline came about."""

    model: str
    parameters: int
    epochs: int  # trained
    best_epoch: int  # whose weights were kept; counts from 1
    validation_accuracy: float  # of the kept weights, measured by Keras
    weights_sha256: str
    seconds: float
    versions: dict[str, str]  # of the libraries that decide about the weights
    threads: int | None = None  # which decide about their last bits
    conversion: Comparison | None = None  # of the .tflite file with the trained network
    litert_accuracy: float | None = None  # of the .tflite file, on the validation split


class TeacherMember(Record):
    """One network of a teacher."""

    plan: str  # digest of network, first weights, data, code and the way it is trained
    validation_accuracy: float
    parameters: int


class TeachersReport(Record):
    """The teachers by their names."""

    teachers: dict[str, tuple[TeacherMember, ...]]
    threads: int | None = None  # of those that were trained last


def teacher_member(name: str, index: int) -> Path:
    """Where a member of a teacher is."""
    return TEACHERS / name / f"{index}.keras"


class ServingReport(Record):
    """What was exported for TensorFlow Serving: nothing, or the baseline with these weights."""

    weights_sha256: str | None = None
