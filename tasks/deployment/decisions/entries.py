"""The lines of a ledger of decisions, and what is known once they are replayed (:mod:`.replaying`)."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from tasks.deployment.records import Number, Sha256
from tasks.evaluation.records import Question
from tasks.records import Record
from tasks.spending import ErrorBudget

MOST_LINES = 20_000  # some 10,000 decisions: a nightly one for a quarter of a century
MOST_SAMPLES = 1_000_000  # of a set, so that it is one small object

Moment = Annotated[str, Field(pattern=r"^[0-9T:+.Z-]{10,40}$")]
Judgement = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Opened(Record):
    """A set of samples that no decision had seen; sets are numbered from 1 in the order they are opened."""

    kind: Literal["opened"] = "opened"
    samples: Sha256  # of the object that names them
    count: Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
    at: Moment


class Barred(Record):
    """All samples by which candidates were chosen so far: no decision from here on asks them."""

    kind: Literal["barred"] = "barred"
    samples: Sha256  # of the object that names them
    count: Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
    at: Moment


class Reserved(Record):
    """A decision, before an answer was read; ``set`` is 0 for one that needs no sealed sample and costs nothing."""

    kind: Literal["reserved"] = "reserved"
    number: Number
    set: Annotated[int, Field(ge=0)]
    samples: Annotated[int, Field(ge=0, le=1 << 40)]  # of the test split that are in the set
    question: Question
    recipe: Annotated[str, Field(max_length=63)]
    error: Annotated[float, Field(gt=0, lt=0.5, allow_inf_nan=False)]
    ceiling: Probability
    level: Probability
    at: Moment
    by: Annotated[str, Field(max_length=200)]


class Ended(Record):
    """The verdict of a decision; FAIL only where its question tells that apart."""

    kind: Literal["ended"] = "ended"
    number: Number
    outcome: Judgement
    at: Moment


Line = Annotated[Opened | Barred | Reserved | Ended, Field(discriminator="kind")]


class Ledger(Record):
    """All lines, the oldest first."""

    schema_version: Literal[1] = 1
    model: str
    lines: Annotated[tuple[Line, ...], Field(max_length=MOST_LINES)]


@dataclass(frozen=True)
class Entry:
    """A decision. ``outcome`` and ``sha256`` (of the ledger up to its verdict) are None until it has ended."""

    reserved: Reserved
    turn: int  # on its set, from 1
    before: ErrorBudget = field(default_factory=ErrorBudget)  # of its set, by what is known of the decisions before it
    after: ErrorBudget = field(default_factory=ErrorBudget)  # of its set, when it was counted next after its end
    barred: Barred | None = None  # when it was begun
    ended: Ended | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Set:
    """A set of samples and what it has left."""

    opened: Opened
    budget: ErrorBudget = field(default_factory=ErrorBudget)
    turns: int = 0


@dataclass(frozen=True)
class Book:
    """A ledger replayed, and the tag under which it may be written again."""

    ledger: Ledger
    tag: str | None
    sets: tuple[Set, ...]
    entries: tuple[Entry, ...]
    barred: Barred | None = None

    def find(self, question: Question) -> Entry | None:
        """Return the decision about a question; None where there is none.

        Args:
            question: candidate, rules, samples and opponents.
        """
        return next((entry for entry in self.entries if _answers(entry, question)), None)


def _answers(entry: Entry, question: Question) -> bool:
    return question.is_answered_by(entry.reserved.question, entry.ended.outcome if entry.ended else None)
