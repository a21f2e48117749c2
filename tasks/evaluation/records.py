"""Records that the evaluation stages leave for others to read."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from tasks.records import FormattedRecord, Interval, Record
from tasks.verdicts import Judgement as Judgement  # noqa: PLC0414 - a part of the records
from tasks.verdicts import RuleVerdict as RuleVerdict  # noqa: PLC0414

QUALITY = Path("reports/quality")
PREDICTIONS = Path("reports/predictions")
BENCHMARK = Path("reports/benchmark.json")
GATE = Path("reports/gate.json")
DECISION = Path("reports/decision.json")
PROVISIONAL = Path("reports/provisional.html")  # the report before the decision
REPORT = Path("reports/report.html")
PRODUCTION_TFLITE = Path("models/production/model.tflite")  # fetched by the deployment, if there is a release
PRODUCTION_CONSENT = Path("models/production/consent.json")  # written there, if params.yaml names a release

BASELINE = "baseline"
PRODUCTION = "production"

Ineligible = Literal["INELIGIBLE"]  # of a candidate that cannot be chosen, whatever the rules say
Obstacle = Literal["another task", "unusable"]  # why a release in production cannot be compared with


class SplitQuality(Record):
    """Quality on one split: the outcome's metrics by name, and what it keeps beside them."""

    samples: int
    metrics: dict[str, float]
    interval: Interval  # of the first metric, at 95 % confidence
    details: dict[str, Any] = Field(default_factory=dict)


class Cost(Record):
    """The cost of a model, whatever it runs on."""

    loaded_bytes: int  # the file as the runtime loads it
    stored_bytes: int  # the file as it is stored and downloaded, with its assets
    assets_bytes: int = Field(
        default=0, exclude_if=lambda value: value == 0
    )  # of what reads questions, as a vocabulary
    zstd_bytes: int  # the file in zstd, which is how it is stored unless the recipe packs it
    parameters: int
    nonzero: int
    macs: int  # multiply-accumulate operations for one sample


class Consent(Record):
    """A consent of a person: whether it counts for the release in production, and why or why not.

    ``classes``: it counts for a model of these alone, in any order; None where it says nothing of them, as
    ``deployment.replaces`` does.
    """

    counts: bool
    sentence: str
    classes: tuple[str, ...] | None = Field(default=None, exclude_if=lambda value: value is None)

    def for_classes(self, classes: tuple[str, ...]) -> "Consent":
        """Return what it says of a model of these classes.

        Args:
            classes: of the new model.
        """
        if not self.counts or self.classes is None or set(self.classes) == set(classes):
            return self
        return Consent(counts=False, sentence=f"{self.sentence} It is for other classes than the data has.")


class Quality(FormattedRecord):
    """A model's quality and cost.

    ``absent`` says why there is nothing to measure or to compare: no release is in production, what is there has other
    classes, takes other inputs or does not run, or a recipe could not be carried out. Then everything else is empty.
    ``obstacle`` is what kind of release in production is in the way, ``release`` its version, and ``consent`` what
    params.yaml says about it.
    """

    format: Literal[2] = 2
    name: str
    absent: str | None = None
    obstacle: Obstacle | None = None
    release: int | None = None
    consent: Consent | None = None
    sha256: str | None = None  # of the .tflite
    data: str | None = None  # digest of the samples it was measured on
    settled: tuple[float, ...] = Field(default=(), exclude_if=lambda value: not value)  # see OutcomeMeasuring.settle
    splits: dict[Literal["validation", "test"], SplitQuality] = Field(default_factory=dict)
    cost: Cost | None = None


class Speed(Record):
    """Latency of one sample at one thread, and throughput in batches, with all models taking turns.

    ``rounds_us`` are the latencies by process and round, so that any two models can be compared. ``median_us`` and
    ``samples_per_second`` are the geometric means of the processes' medians. Bounds are at 95 % confidence.
    """

    sha256: str  # of the .tflite
    median_us: float
    p95_us: float  # over all rounds
    # records of earlier versions speak of images
    samples_per_second: Annotated[
        float, Field(validation_alias=AliasChoices("samples_per_second", "images_per_second"))
    ]
    latency_ratio: Interval  # to the baseline; below 1 is faster
    throughput_ratio: Interval  # to the baseline; above 1 is faster
    batch: int  # samples at once when throughput was measured; less than asked where they would take over a second
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
        """Return how much was measured, for people."""
        least, most = min(self.measured_rounds), max(self.measured_rounds)
        rounds = f"{least}" if least == most else f"{least} to {most}"
        early = "" if least == self.rounds else f" in place of {self.rounds}, as {self.seconds:g} s were up"
        return f"{len(self.measured_rounds)} processes of {rounds} interleaved rounds{early}"


class Choice(Record):
    """The reasons why a candidate was or was not chosen, on the validation split."""

    candidate: str
    rank: int  # 1 is the chosen one
    objective: float | None  # value of the objective; None where nothing was made
    outcome: Judgement | Ineligible  # of the rules on the validation split
    sentence: str


class GateReport(Record):
    """The chosen candidate, and how it fares on the validation split: not yet the decision.

    ``promising``: every rule passes there, or at least the estimates keep their limits, and the sealed test samples are
    enough to prove the margin, so that a decision on them is worth its price.
    """

    provisional: Literal[True] = True
    objective: str
    chosen: str
    model_sha256: str
    settled: tuple[float, ...] = Field(default=(), exclude_if=lambda value: not value)  # of the chosen, as its quality
    choices: tuple[Choice, ...]
    rules: tuple[RuleVerdict, ...]
    smallest_margin: float  # of the first metric, that a first decision on the test split can prove for an equal
    promising: bool
    outcome: Judgement
    sentence: str


class Question(Record):
    """The question of a decision on sealed samples; the same one has the same answer and is paid for once.

    ``rules`` are those that are decided there, as JSON; ``opponents`` are SHA-256 of the models that they compare with,
    None for one that is absent. ``settled``: how their outputs become answers, by their names, where it was settled.
    ``tells_failure``: whether FAIL is told apart from INCONCLUSIVE, which has its price;
    it is left out of the file where it is not.
    """

    candidate: str  # SHA-256 of the .tflite
    samples: str  # digest of the test split
    rules: tuple[str, ...]
    opponents: dict[str, str | None]
    settled: dict[str, tuple[float, ...]] = Field(default_factory=dict, exclude_if=lambda value: not value)
    tells_failure: bool = Field(default=False, exclude_if=lambda value: not value)

    def is_answered_by(self, other: "Question", judgement: str | None) -> bool:
        """Return whether the decision about another question is the one about this: it tells as much, or PASS.

        Args:
            other: what was decided.
            judgement: of that decision, None while it has none.
        """
        alike = other.model_copy(update={"tells_failure": self.tells_failure}) == self
        return alike and (other.tells_failure or not self.tells_failure or judgement == "PASS")

    @property
    def key(self) -> str:
        """SHA-256 of the question."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Outlook(Record):
    """The power that a set of sealed samples has left.

    ``provable`` counts the decisions that could still prove the margin of the first quality rule for a candidate as
    good as the baseline, if none of them passes; None where no rule has a margin.
    """

    confidence: float  # at which the next decision is taken, two-sided; 1 where there is none
    worth: int  # samples with which a first decision would prove as much as the next one
    provable: int | None
    restore: int  # test samples that no decision has seen, still missing for a budget of their own


class Decision(Record):
    """The verdict about the chosen candidate on the sealed test samples, as the ledger has it.

    It says whether every rule was proven, and no figure: figures of samples that are used again would let the next
    candidate be made to fit them. FAIL, a rule that is proven to be broken, is told only where the question asks for
    it, and is INCONCLUSIVE elsewhere.
    """

    outcome: Literal["PASS", "FAIL", "INCONCLUSIVE"]
    question: Question
    store: str
    ledger: str  # prefix of its keys in the store
    number: int  # of the decision
    sha256: str  # of the ledger up to the verdict
    samples: int  # that were asked
    turn: int  # which decision on this set of samples it was, from 1
    level: float  # probability of a PASS if a rule is broken
    confidence: float  # of the two-sided intervals at this level
    error: float  # of all decisions on these samples together
    outlook: Outlook
    sentence: str


def quality_file(name: str) -> Path:
    """Return where a model's quality is: ``baseline``, ``production`` or a recipe's name.

    Args:
        name: of the model.
    """
    return QUALITY / f"{name}.json"


def predictions_file(name: str) -> Path:
    """Return where a model's per-sample scores are.

    Args:
        name: of the model.
    """
    return PREDICTIONS / f"{name}.npz"
