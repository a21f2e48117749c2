"""The lines of a ledger of decisions, and what follows from them.

What a set of samples has left is not stored: it follows from the lines, which are replayed each time, and a level that
does not follow from the lines before it is an error.
"""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from tasks.deployment.records import Number, Sha256
from tasks.errors import LedgerError
from tasks.evaluation.records import Question
from tasks.records import Record
from tasks.spending import ErrorBudget

MOST_LINES = 20_000  # some 10,000 decisions: a nightly one for a quarter of a century
MOST_SAMPLES = 1_000_000  # of a set, so that it is one small object
CLOSE = 1e-9  # relative: how near a recorded level is to the one that follows from the lines

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
    after: ErrorBudget = field(default_factory=ErrorBudget)  # of its set, once it had ended
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


def replay(ledger: Ledger, tag: str | None, origin: str) -> Book:
    """Return what follows from the lines of a ledger.

    Args:
        ledger: as it is stored.
        tag: under which it may be written again.
        origin: where it is, for a person.

    Raises:
        LedgerError: a line does not follow from those before it.
    """
    sets: list[Set] = []
    entries: list[Entry] = []
    barred: Barred | None = None
    digest, asked = hashlib.sha256(ledger.model.encode()).hexdigest(), set[str]()
    for number, line in enumerate(ledger.lines, start=1):
        digest = hashlib.sha256(f"{digest}\n{line.model_dump_json()}".encode()).hexdigest()
        problem = None
        match line:
            case Opened():
                sets.append(Set(line))
            case Barred():
                problem = "no more barred samples than before" if barred and line.count <= barred.count else None
                barred = line
            case Reserved():
                problem = _misfit(line, sets, entries, asked) or _reserve(line, sets, entries, barred)
                asked.add(line.question.key)
            case Ended():
                problem = _end(line, sets, entries, digest)
        if problem:
            raise broken(origin, f"line {number:,}, {problem}")
    return Book(ledger, tag, tuple(sets), tuple(entries), barred)


def broken(origin: str, what: str) -> LedgerError:
    """Return the error about a ledger that is none.

    Args:
        origin: where it is, for a person.
        what: is wrong with it.
    """
    return LedgerError(
        f"Expected {origin} to be a ledger of decisions that this version of slimline reads. Received: {what}. "
        f"If a newer slimline has written it, update this one; else restore it from a backup of the store."
    )


def _misfit(line: Reserved, sets: list[Set], entries: list[Entry], asked: set[str]) -> str | None:
    """Return what is wrong with a reservation, its level aside."""
    if line.number != len(entries) + 1:
        return f"decision {line.number:,} after decision {len(entries):,}"
    if line.question.key in asked:
        return f"decision {line.number:,} about a question that was asked before"
    if line.set > len(sets):
        return f"a decision on set {line.set:,}, which was not opened"
    if bool(line.question.rules) != (line.set > 0) or (line.samples > 0) != (line.set > 0):
        return "a decision whose rules and samples do not go together"
    return None


def _reserve(line: Reserved, sets: list[Set], entries: list[Entry], barred: Barred | None) -> str | None:
    """Take a reservation over; gives what is wrong with its level."""
    before = sets[line.set - 1] if line.set else None
    follows = before.budget.level(line.error, line.ceiling) if before else 0.0
    if abs(line.level - follows) > CLOSE * follows or (before and not follows):
        return f"a decision at the level {line.level:g}, where {follows:g} follows from the lines before"
    if before:
        entry = Entry(line, before.turns + 1, before.budget, barred=barred)
        sets[line.set - 1] = replace(before, budget=_left_by(entry), turns=entry.turn)
        entries.append(entry)
    else:
        entries.append(Entry(line, 0))
    return None


def _left_by(entry: Entry) -> ErrorBudget:
    """Return what a set has left after a decision, by what is known of it."""
    outcome = entry.ended.outcome if entry.ended else None
    return entry.before.after(outcome, entry.reserved.question.tells_failure)


def _end(line: Ended, sets: list[Set], entries: list[Entry], digest: str) -> str | None:
    """Take a verdict over; gives what is wrong with it."""
    if line.number > len(entries):
        return f"a verdict of decision {line.number:,}, which was not reserved"
    entry = entries[line.number - 1]
    if entry.ended:
        return f"a second verdict of decision {line.number:,}"
    if line.outcome == "FAIL" and not entry.reserved.question.tells_failure:
        return f"a FAIL of decision {line.number:,}, which does not tell it apart"
    entries[line.number - 1] = replace(entry, ended=line, sha256=digest)
    if entry.reserved.set:
        budget = _recount(line.number - 1, sets[entry.reserved.set - 1], entries)
        sets[entry.reserved.set - 1] = replace(sets[entry.reserved.set - 1], budget=budget)
        entries[line.number - 1] = replace(entries[line.number - 1], after=budget)
    return None


def _recount(index: int, of: Set, entries: list[Entry]) -> ErrorBudget:
    """Return what a set has left now that a decision has ended; the decisions after it are counted anew.

    What is left goes by the order in which decisions were begun, whatever the order of their ends: see
    :mod:`tasks.spending`. A verdict that an open decision was taken to have changes nothing.
    """
    ended = entries[index]
    if ended.ended and ended.ended.outcome == "INCONCLUSIVE":
        return of.budget
    budget = _left_by(ended)
    if ended.turn == of.turns:
        return budget
    for later in range(index + 1, len(entries)):
        if entries[later].reserved.set == ended.reserved.set:
            entries[later] = replace(entries[later], before=budget)
            budget = _left_by(entries[later])
    return budget
