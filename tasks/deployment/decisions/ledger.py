"""The ledger of decisions on sealed test samples, as it lies in a store.

::

    ledgers/<model>/decisions.json       all that has happened, in one object that only grows, by compare-and-swap
    ledgers/<model>/samples/<sha256>     samples of a set, or barred ones: 8 bytes each, sorted, immutable

Each line of the ledger is one of four: a set of samples was *opened*, samples were *barred* since candidates were
chosen on them, a decision was *reserved* at a level, a decision *ended*. A decision is reserved before any answer to a
sealed sample is read, so none is missing whenever a run is killed; what was reserved and has not ended counts as a
decision that did not pass, until somebody asks the same question again and ends it at the same level. A question that
is there already costs nothing.

A line's digest covers all lines before it. A release names the digest of its decision, so a ledger that was cut or
changed later is found out by the next decision.
"""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from tasks.deployment.decisions.entries import (
    MOST_LINES,
    Barred,
    Book,
    Ended,
    Entry,
    Judgement,
    Ledger,
    Opened,
    Reserved,
)
from tasks.deployment.decisions.replaying import broken, replay
from tasks.deployment.registry import encode, now
from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import Conflict, LedgerError, NotFound, StoreError
from tasks.evaluation.records import DECISION, Decision

SHOWN = 3  # problems of a damaged ledger
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, *[1.6] * 10)  # seconds before a write is tried again that somebody else was before


def folder(model: str) -> str:
    """Return the key under which the ledger of a model lies.

    Args:
        model: its name.
    """
    return f"ledgers/{model}"


def ledger_key(model: str) -> str:
    """Return where the lines are.

    Args:
        model: its name.
    """
    return f"{folder(model)}/decisions.json"


def read(store: Readable, model: str) -> Book:
    """Return the ledger of a model as it is now; an empty one where nothing was ever decided.

    Args:
        store: that has it.
        model: its name.

    Raises:
        LedgerError: it is not a ledger, or its lines do not follow from each other.
        StoreError: the store cannot be read, or it is larger than any ledger.
    """
    key = ledger_key(model)
    try:
        found = store.get(key)
    except NotFound:
        return Book(Ledger(model=model, lines=()), None, (), ())
    try:
        ledger = Ledger.model_validate_json(found.content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        shown = "; ".join(
            f"{'.'.join(map(str, each['loc']))[:80] or 'it'}: {each['msg'][:120]}" for each in problems[:SHOWN]
        )
        raise broken(f"{store.url}/{key}", f"{len(problems):,} problems, first {shown}") from None
    if not ledger.lines:
        raise broken(f"{store.url}/{key}", "no line, which nobody writes")
    if ledger.model != model:
        raise broken(f"{store.url}/{key}", f"a ledger of {ledger.model[:80]!r}")
    return replay(ledger, found.tag, f"{store.url}/{key}")


def append(store: Store, book: Book, lines: Sequence[Opened | Barred | Reserved | Ended]) -> Book:
    """Return the ledger with lines behind those that were read, once they are in the store.

    Args:
        store: that has it.
        book: as it was read.
        lines: the new ones.

    Raises:
        Conflict: somebody else has written meanwhile.
        LedgerError: it is full.
        StoreError: the store does not keep conditions on writes, or cannot be written.
    """
    check_conditions(store)
    if len(book.ledger.lines) + len(lines) > MOST_LINES:
        raise LedgerError(
            f"Expected the ledger of {book.ledger.model} in {store.url} to have at most {MOST_LINES:,} lines. "
            f"Received: as many. Go on under another deployment.model, with test samples that no decision has seen."
        )
    written = book.ledger.model_copy(update={"lines": (*book.ledger.lines, *lines)})
    replayed = replay(
        written, None, f"{store.url}/{ledger_key(written.model)}"
    )  # nothing is written that cannot be read
    store.compare_and_swap(ledger_key(written.model), encode(written), book.tag)
    return replayed


def end(store: Store, model: str, number: int, judgement: Judgement) -> Entry:
    """Return a decision with its verdict, once that is in the store; one that has ended keeps its verdict.

    Args:
        store: that has the ledger.
        model: its name.
        number: of the decision.
        judgement: the verdict.

    Raises:
        LedgerError: the ledger does not have the decision.
        StoreError: the store cannot be read or written.
    """
    for pause in (*PAUSES, None):
        book = read(store, model)
        if number > len(book.entries):
            raise LedgerError(
                f"Expected decision {number:,} in the ledger {ledger_key(model)} of {store.url}. Received: "
                f"{len(book.entries):,} decisions. Somebody has removed it: restore the ledger from a backup."
            )
        if book.entries[number - 1].ended:
            return book.entries[number - 1]
        try:
            return append(store, book, [Ended(number=number, outcome=judgement, at=now())]).entries[number - 1]
        except Conflict:
            wait(pause, store, model)
    raise AssertionError  # unreachable: the last wait raises


def wait(pause: float | None, store: Store, model: str) -> None:
    """Give way to somebody who was faster.

    Args:
        pause: seconds; None: there were tries enough.
        store: that has the ledger.
        model: its name.

    Raises:
        Conflict: it was tried often enough.
    """
    if pause is None:
        raise Conflict(
            f"Expected to write to the ledger {ledger_key(model)} in {store.url}. Received: somebody else was faster "
            f"each time. Try again."
        ) from None
    time.sleep(pause * random.uniform(0.5, 1.5))


def check_conditions(store: Store) -> None:
    """Refuse to decide where two decisions at once could get lost.

    Args:
        store: that has the ledger.

    Raises:
        StoreError: the store does not keep conditions on writes.
    """
    if not store.conditions.keeps_swaps:
        raise StoreError(
            f"Expected an object store that keeps conditions on writes, without which a decision could get lost from "
            f"the ledger. Received: in {store.url} {store.conditions.sentence()}. Use another server, or a folder "
            f"(file://)."
        )


@dataclass(frozen=True)
class Known:
    """A decision that somebody names, who says so, and the digest of the ledger up to its verdict."""

    number: int
    sha256: str
    who: str


def expect_entries(book: Book, store: Readable, known: Iterable[Known]) -> None:
    """Refuse a ledger that does not have what releases and records name of it: it was cut, changed or set back.

    Args:
        book: the ledger as it was read.
        store: that has it.
        known: decisions that it must have.

    Raises:
        LedgerError: a decision is missing or another one.
    """
    for each in known:
        found = book.entries[each.number - 1].sha256 if 1 <= each.number <= len(book.entries) else None
        if found != each.sha256:
            received = "no such decision" if found is None else f"one with the digest {found[:12]}"
            raise LedgerError(
                f"Expected decision {each.number:,} with the digest {each.sha256[:12]}, which {each.who} names, in "
                f"the ledger of {book.ledger.model} in {store.url}. Received: {received}. The ledger was changed or "
                f"removed, which would give back error that is spent: restore it from a backup of the store."
            )


def expect_decided(store: Readable, model: str, decision: Decision) -> None:
    """Refuse a decision that is not in the ledger of the store, with its outcome, about just this question.

    Args:
        store: that has the ledger.
        model: its name.
        decision: as the project's record has it.

    Raises:
        LedgerError: it is not.
        StoreError: the store cannot be read.
    """
    book = read(store, model)
    expect_entries(book, store, [Known(decision.number, decision.sha256, str(DECISION))])
    entry = book.entries[decision.number - 1]
    if entry.ended is None or entry.ended.outcome != decision.outcome or entry.reserved.question != decision.question:
        raise LedgerError(
            f"Expected decision {decision.number:,} of the ledger {ledger_key(model)} in {store.url} to be "
            f"{decision.outcome}, about this candidate, these rules, samples and opponents. Received: "
            f"{entry.ended.outcome if entry.ended else 'no end'}, about {entry.reserved.recipe}. Run `slimline run` "
            f"again: it takes the decision."
        )
