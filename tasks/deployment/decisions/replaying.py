"""Replay a ledger of decisions: what follows from its lines, one after the other.

What a set of samples has left is not stored: it follows from the lines, which are replayed each time, and a level that
does not follow from the lines before it is an error.

What is left goes by the order in which decisions were begun, whatever the order of their ends: see
:mod:`tasks.spending`. So a verdict that comes late changes what the decisions after it have found. These are counted
anew when the next decision on the set is begun, and once at the end, not after each verdict: many that end late
together cost one count. A late verdict that is counted before a further decision costs wealth, as a surprise does, the
more of it the more decisions lie between; below :data:`tasks.spending.LEAST` no further one can be begun. So the
time grows with the number of lines.
"""

import hashlib
from dataclasses import replace

from tasks.deployment.decisions.entries import Barred, Book, Ended, Entry, Ledger, Opened, Reserved, Set
from tasks.errors import LedgerError
from tasks.spending import ErrorBudget

CLOSE = 1e-9  # relative: how near a recorded level is to the one that follows from the lines


def replay(ledger: Ledger, tag: str | None, origin: str) -> Book:
    """Return what follows from the lines of a ledger.

    Args:
        ledger: as it is stored.
        tag: under which it may be written again.
        origin: where it is, for a person.

    Raises:
        LedgerError: a line does not follow from those before it.
    """
    running = _Replay(ledger.model)
    for number, line in enumerate(ledger.lines, start=1):
        if problem := running.take(line):
            raise broken(origin, f"line {number:,}, {problem}")
    sets = tuple(Set(of.opened, of.count(running.entries), len(of.turns)) for of in running.sets)
    return Book(ledger, tag, sets, tuple(running.entries), running.barred)


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


class _Replay:
    """The state between two lines."""

    def __init__(self, model: str) -> None:
        self.sets: list[_RunningSet] = []
        self.entries: list[Entry] = []
        self.barred: Barred | None = None
        self.asked: set[str] = set()
        self.digest = hashlib.sha256(model.encode()).hexdigest()

    def take(self, line: Opened | Barred | Reserved | Ended) -> str | None:
        """Take a line over; gives what is wrong with it."""
        self.digest = hashlib.sha256(f"{self.digest}\n{line.model_dump_json()}".encode()).hexdigest()
        match line:
            case Opened():
                self.sets.append(_RunningSet(line))
            case Barred():
                if self.barred and line.count <= self.barred.count:
                    return "no more barred samples than before"
                self.barred = line
            case Reserved():
                return self._misfit(line) or self._reserve(line)
            case Ended():
                return self._end(line)
        return None

    def _misfit(self, line: Reserved) -> str | None:
        """Return what is wrong with a reservation, its level aside."""
        if line.number != len(self.entries) + 1:
            return f"decision {line.number:,} after decision {len(self.entries):,}"
        if line.question.key in self.asked:
            return f"decision {line.number:,} about a question that was asked before"
        if line.set > len(self.sets):
            return f"a decision on set {line.set:,}, which was not opened"
        if bool(line.question.rules) != (line.set > 0) or (line.samples > 0) != (line.set > 0):
            return "a decision whose rules and samples do not go together"
        return None

    def _reserve(self, line: Reserved) -> str | None:
        """Take a reservation over; gives what is wrong with its level."""
        of = self.sets[line.set - 1] if line.set else None
        budget = of.count(self.entries) if of else None
        follows = budget.level(line.error, line.ceiling) if budget else 0.0
        if abs(line.level - follows) > CLOSE * follows or (of and not follows):
            return f"a decision at the level {line.level:g}, where {follows:g} follows from the lines before"
        self.asked.add(line.question.key)
        if of and budget:
            of.turns.append(len(self.entries))
            self.entries.append(Entry(line, len(of.turns), budget, barred=self.barred))
        else:
            self.entries.append(Entry(line, 0))
        return None

    def _end(self, line: Ended) -> str | None:
        """Take a verdict over; gives what is wrong with it."""
        if line.number > len(self.entries):
            return f"a verdict of decision {line.number:,}, which was not reserved"
        entry = self.entries[line.number - 1]
        if entry.ended:
            return f"a second verdict of decision {line.number:,}"
        if line.outcome == "FAIL" and not entry.reserved.question.tells_failure:
            return f"a FAIL of decision {line.number:,}, which does not tell it apart"
        self.entries[line.number - 1] = replace(entry, ended=line, sha256=self.digest)
        if entry.reserved.set:
            self.sets[entry.reserved.set - 1].end(entry, line)
        return None


class _RunningSet:
    """A set of samples while a ledger is replayed.

    ``turns``: its decisions, by their place among all, in the order they were begun. The first ``counted`` of them
    are in ``budget``; ``ended`` are those whose end was not counted yet.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.turns: list[int] = []
        self.counted = 0
        self.budget = ErrorBudget()
        self.ended: list[int] = []

    def end(self, entry: Entry, line: Ended) -> None:
        """Note that a decision has ended: the count goes back to before it, if it was taken to have another verdict."""
        self.ended.append(line.number - 1)
        if entry.turn <= self.counted and line.outcome != "INCONCLUSIVE":  # that is how an open one is counted
            self.counted, self.budget = entry.turn - 1, entry.before

    def count(self, entries: list[Entry]) -> ErrorBudget:
        """Return what is left by what is known of all its decisions, and note it in those that it was counted for."""
        for index in self.turns[self.counted :]:
            entry = entries[index] = replace(entries[index], before=self.budget)
            outcome = entry.ended.outcome if entry.ended else None
            self.budget = self.budget.after(outcome, entry.reserved.question.tells_failure)
        self.counted = len(self.turns)
        for index in self.ended:
            entries[index] = replace(entries[index], after=self.budget)
        self.ended.clear()
        return self.budget
