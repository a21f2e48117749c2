"""What the evaluation stages leave for others to read."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.records import Interval, Record

QUALITY = Path("reports/quality")
PREDICTIONS = Path("reports/predictions")
BENCHMARK = Path("reports/benchmark.json")
GATE = Path("reports/gate.json")
REPORT = Path("reports/report.html")
PRODUCTION_TFLITE = Path("models/production/model.tflite")  # fetched by the deployment, if there is a release

BASELINE = "baseline"
PRODUCTION = "production"

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "NO_BASELINE"]


class ClassQuality(Record):
    """Quality for one class."""

    precision: float
    recall: float
    f1: float
    support: int  # samples that are of this class


class SplitQuality(Record):
    """Quality on one split. ``precision``, ``recall`` and ``f1`` are macro averages over the classes."""

    samples: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    agreement: float | None  # top-1, with the baseline; None for the baseline itself
    per_class: dict[str, ClassQuality]
    confusion: tuple[tuple[int, ...], ...]  # rows: true class, columns: answer


class Cost(Record):
    """What a model costs, whatever it runs on."""

    loaded_bytes: int  # the file as the runtime loads it
    stored_bytes: int  # the file as it is stored and downloaded
    zstd_bytes: int  # the file in zstd, which is how it is stored unless the recipe packs it
    parameters: int
    nonzero: int
    macs: int  # multiply-accumulate operations for one sample


class Quality(Record):
    """A model's quality and cost.

    ``absent`` says why there is nothing to measure or to compare: no release is in production, or what is
    there has other classes or takes other images. Then everything else is empty.
    """

    name: str
    absent: str | None = None
    sha256: str | None = None  # of the .tflite
    data: str | None = None  # digest of the samples it was measured on
    splits: dict[Literal["validation", "test"], SplitQuality] = Field(default_factory=dict)
    cost: Cost | None = None


class Speed(Record):
    """Latency of one sample at one thread, and throughput in batches, with all models taking turns.

    ``rounds_us`` are the latencies by process and round, so that any two models can be compared. ``median_us`` and
    ``images_per_second`` are the geometric means of the processes' medians. Bounds are at 95 % confidence.
    """

    sha256: str  # of the .tflite
    median_us: float
    p95_us: float  # over all rounds
    images_per_second: float
    latency_ratio: Interval  # to the baseline; below 1 is faster
    throughput_ratio: Interval  # to the baseline; above 1 is faster
    batch: int  # images at once when throughput was measured; less than asked where they would take over a second
    rounds_us: tuple[tuple[float, ...], ...]


class BenchmarkReport(Record):
    """All models measured in turns, in several processes one after the other."""

    cpu: str
    runtime: str  # name and version of the runtime
    threads: int
    rounds: int  # of each process, as asked
    measured_rounds: tuple[int, ...]  # fewer where a process's share of the seconds was up
    seconds: float  # for the rounds of all processes
    batch: int  # as asked
    models: dict[str, Speed]

    @property
    def extent(self) -> str:
        """How much was measured, for people."""
        least, most = min(self.measured_rounds), max(self.measured_rounds)
        rounds = f"{least}" if least == most else f"{least} to {most}"
        early = "" if least == self.rounds else f" in place of {self.rounds}, as {self.seconds:g} s were up"
        return f"{len(self.measured_rounds)} processes of {rounds} interleaved rounds{early}"


class ScarceClass(Record):
    """A class of too few samples for a rule about a macro average to pass, whatever the answers are."""

    name: str
    samples: int  # for precision, answers
    needed: int


class RuleVerdict(Record):
    """One rule of the gate, against one other model."""

    metric: str
    versus: str | None
    outcome: Outcome
    value: float | None
    low: float | None
    high: float | None
    limit: float
    sentence: str
    scarce: tuple[ScarceClass, ...] = ()  # why it is inconclusive, if these classes are


class Choice(Record):
    """Why a candidate was or was not chosen, on the validation split."""

    candidate: str
    rank: int  # 1 is the chosen one
    objective: float  # value of the objective
    outcome: Outcome  # of the rules on the validation split
    sentence: str


class GateReport(Record):
    """The verdict about the chosen candidate, decided once on the sealed test split."""

    objective: str
    chosen: str
    model_sha256: str
    choices: tuple[Choice, ...]
    rules: tuple[RuleVerdict, ...]
    smallest_margin: float  # that a test split of this size can decide, at the disagreement seen
    outcome: Outcome
    sentence: str


def quality_file(name: str) -> Path:
    """Where a model's quality is: ``baseline``, ``production`` or a recipe's name."""
    return QUALITY / f"{name}.json"


def predictions_file(name: str) -> Path:
    """Where a model's per-sample scores are."""
    return PREDICTIONS / f"{name}.npz"
