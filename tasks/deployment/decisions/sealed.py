"""Sets of sealed test samples: which one a decision is taken on, and when new samples open another one.

A set is fixed when it is opened: the samples of the test split that no set has yet. From then on its decisions share
one error. Samples that come later stay out of them, sealed, until they are as many as any set still has in the test
split; then they are a set of their own, with an error of its own. Its decisions are proven by samples on which no
verdict has ever depended, so what was learned from older sets helps nobody there.

Samples on which candidates were chosen, those of the validation split of a run, are *barred*, whether it asked for a
decision or was held back before: where another split is cut, or the source is sorted anew, and they come into the test
split, no decision asks them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.deployment.decisions import ledger
from tasks.deployment.decisions.entries import MOST_SAMPLES, Barred, Book, Entry, Opened, Reserved, Set
from tasks.deployment.decisions.ledger import PAUSES, Known
from tasks.deployment.registry import now
from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import Conflict, LedgerError, NotFound, WornOut
from tasks.evaluation.records import Question
from tasks.spending import ErrorBudget, worth

Hashes = NDArray[np.uint64]
Used = NDArray[np.bool_]
NONE: Hashes = np.empty(0, np.uint64)


@dataclass(frozen=True)
class Terms:
    """The terms of a decision: the error of all on a set, the highest level, who takes it, about which recipe."""

    error: float
    ceiling: float
    by: str
    recipe: str


def reserve(
    store: Store,
    model: str,
    question: Question,
    hashes: Hashes,
    terms: Terms,
    known: Sequence[Known] = (),
    chosen_on: Hashes = NONE,
) -> tuple[Entry, Used]:
    """Return the decision about a question: the one that is there, or a new one, then in the ledger already.

    Args:
        store: that has the ledger.
        model: its name.
        question: candidate, rules, samples and opponents.
        hashes: the hashes of the test samples, ``[n]``.
        terms: of a new decision.
        known: decisions that the ledger must have.
        chosen_on: the hashes of the validation samples, on which the candidate was chosen, ``[m]``.

    Returns:
        the decision, and which of the samples it is taken on, ``[n]``.

    Raises:
        WornOut: the samples can decide nothing any more.
        LedgerError: the ledger is not what it should be.
        Conflict: somebody else was faster each time.
        StoreError: the store does not keep conditions on writes, or cannot be read or written.
    """
    ledger.check_conditions(store)
    for pause in (*PAUSES, None):
        book = ledger.read(store, model)
        ledger.expect_entries(book, store, known)
        if entry := book.find(question):
            return entry, used_by(store, model, book, entry, hashes)
        line, barred = bar(store, model, book, chosen_on)
        chosen = choose(store, model, book, hashes, terms, barred) if question.rules else ChosenSet()
        reserved = _reserved(len(book.entries) + 1, question, terms, chosen)
        try:
            book = ledger.append(store, book, [*line, *chosen.opened, reserved])
        except Conflict:
            ledger.wait(pause, store, model)
        else:
            entry = book.entries[reserved.number - 1]
            return entry, used_by(store, model, book, entry, hashes)
    raise AssertionError  # unreachable: the last wait raises


@dataclass(frozen=True)
class ChosenSet:
    """The set of a decision: its number, its samples, the level, and the line that opens it."""

    number: int = 0
    samples: int = 0
    level: float = 0.0
    opened: tuple[Opened, ...] = ()


def _reserved(number: int, question: Question, terms: Terms, chosen: ChosenSet) -> Reserved:
    return Reserved(
        number=number,
        set=chosen.number,
        samples=chosen.samples,
        question=question,
        recipe=terms.recipe,
        error=terms.error,
        ceiling=terms.ceiling,
        level=chosen.level,
        at=now(),
        by=terms.by,
    )


def choose(store: Store, model: str, book: Book, hashes: Hashes, terms: Terms, barred: Hashes = NONE) -> ChosenSet:
    """Return the set on which the next decision proves most; a new one once it has as many samples as any other.

    Args:
        store: that has the ledger.
        model: its name.
        book: the ledger as it was read.
        hashes: of the test samples, ``[n]``.
        terms: of the decision.
        barred: of samples that are not asked, ``[m]``.

    Raises:
        WornOut: no set can decide anything.
        LedgerError: a set's samples are not what they should be.
        StoreError: the store cannot be read or written.
    """
    present, unseen = look(store, model, book, hashes, barred)
    if int(unseen.sum()) > 0 and missing(present, unseen) == 0:
        new = open_set(store, model, hashes[unseen])
        samples = int(np.isin(hashes, _decode(new[1])).sum())
        return ChosenSet(len(book.sets) + 1, samples, ErrorBudget().level(terms.error, terms.ceiling), (new[0],))
    choices = []
    for number, (of, used) in enumerate(zip(book.sets, present, strict=True), start=1):
        level, samples = of.budget.level(terms.error, terms.ceiling), int(used.sum())
        if level and samples:
            choices.append(ChosenSet(number, samples, level))
    if not choices:
        raise WornOut(
            f"Expected test samples that can decide about {terms.recipe}. Received: {len(hashes):,}, of which "
            f"{int(unseen.sum()):,} were never used{_told(hashes, barred)}; the others have no error left. "
            f"{missing(present, unseen):,} new ones in the test split give it back: add samples to the source."
        )
    return max(choices, key=lambda each: (worth(each.samples, each.level, terms.ceiling), each.number))


def _told(hashes: Hashes, barred: Hashes) -> str:
    count = int(np.isin(hashes, barred).sum())
    return f", and candidates were chosen on {count:,} once, which are not asked" if count else ""


def look(
    store: Readable, model: str, book: Book, hashes: Hashes, barred: Hashes | None = None
) -> tuple[list[Used], Used]:
    """Return which samples of the test split each set has, and which none has, ``[n]`` each.

    Args:
        store: that has the ledger.
        model: its name.
        book: the ledger as it was read.
        hashes: of the test samples, ``[n]``.
        barred: of samples that are in neither; by default those that the ledger names.
    """
    if barred is None:
        barred = named_by(store, model, book.barred)
    allowed = ~np.isin(hashes, barred)
    present = [np.isin(hashes, members(store, model, of)) & allowed for of in book.sets]
    unseen = np.logical_and.reduce([~each for each in present]) & allowed if present else allowed
    if len(barred) >= MOST_SAMPLES:  # there may be more than can be named
        unseen = np.zeros(len(hashes), np.bool_)
    return present, unseen


def bar(store: Store, model: str, book: Book, chosen_on: Hashes) -> tuple[tuple[Barred, ...], Hashes]:
    """Name the samples on which candidates were chosen, those of before and new ones.

    Args:
        store: that has the ledger.
        model: its name.
        book: the ledger as it was read.
        chosen_on: hashes of the validation samples of now, ``[m]``.

    Returns:
        the line that names them, if there are new ones, and all of them.
    """
    before = named_by(store, model, book.barred)
    barred = np.union1d(before, chosen_on)[:MOST_SAMPLES]
    if len(barred) == len(before):
        return (), before
    content = barred.astype("<u8").tobytes()
    digest = hashlib.sha256(content).hexdigest()
    store.put_if_absent(samples_key(model, digest), content)
    return (Barred(samples=digest, count=len(barred), at=now()),), barred


def name_chosen_on(store: Store, model: str, chosen_on: Hashes) -> None:
    """Name the samples on which candidates were chosen that came to no decision; nothing where all are named.

    Args:
        store: that has the ledger. One that does not keep conditions on writes decides nothing, and is left alone.
        model: its name.
        chosen_on: hashes of the validation samples, ``[m]``.

    Raises:
        LedgerError: the ledger is not what it should be.
        Conflict: somebody else was faster each time.
        StoreError: the store cannot be read or written.
    """
    for pause in (*PAUSES, None) if store.conditions.keeps_swaps else ():
        book = ledger.read(store, model)
        line, _ = bar(store, model, book, chosen_on)
        if not line:
            return
        try:
            ledger.append(store, book, line)
        except Conflict:
            ledger.wait(pause, store, model)
        else:
            return


def missing(present: Sequence[Used], unseen: Used) -> int:
    """Return how many samples that no set has are missing for one of their own.

    Args:
        present: which of the test samples each set has, ``[n]`` each.
        unseen: which of them no set has, ``[n]``.
    """
    largest = max((int(used.sum()) for used in present), default=1)
    return max(0, max(largest, 1) - int(unseen.sum()))


def open_set(store: Store, model: str, hashes: Hashes) -> tuple[Opened, bytes]:
    """Return the line that opens a new set, and its samples as they were put into the store.

    Args:
        store: that has the ledger.
        model: its name.
        hashes: of the samples, ``[n]``; what is beyond the most that a set takes stays unseen.
    """
    content = np.unique(hashes)[:MOST_SAMPLES].astype("<u8").tobytes()
    digest = hashlib.sha256(content).hexdigest()
    store.put_if_absent(samples_key(model, digest), content)
    return Opened(samples=digest, count=len(content) // 8, at=now()), content


def samples_key(model: str, digest: str) -> str:
    """Return where a set's samples are.

    Args:
        model: its name.
        digest: SHA-256 of what lies there.
    """
    return f"{ledger.folder(model)}/samples/{digest}"


def members(store: Readable, model: str, of: Set) -> Hashes:
    """Return the hashes of a set's samples, sorted.

    Args:
        store: that has the ledger.
        model: its name.
        of: the set.

    Raises:
        LedgerError: they are missing or are not those that the set was opened with.
    """
    return named_by(store, model, of.opened)


def named_by(store: Readable, model: str, line: Opened | Barred | None) -> Hashes:
    """Return the hashes of the samples that a line of the ledger names, sorted; none where there is no line.

    Args:
        store: that has the ledger.
        model: its name.
        line: of the ledger.

    Raises:
        LedgerError: they are missing or are not those that were named.
    """
    if line is None:
        return NONE
    key = samples_key(model, line.samples)
    try:
        content = store.get(key).content
    except NotFound:
        content = b""
    if hashlib.sha256(content).hexdigest() != line.samples or len(content) != 8 * line.count:
        raise LedgerError(
            f"Expected {key} in {store.url} to name the {line.count:,} samples of a set of the ledger. Received: "
            f"{f'{len(content):,} other bytes' if content else 'no such object'}. Without it nobody knows which "
            f"samples are new: restore it from a backup of the store."
        )
    return _decode(content)


def used_by(store: Readable, model: str, book: Book, entry: Entry, hashes: Hashes) -> Used:
    """Return which samples a decision is taken on, ``[n]``.

    Args:
        store: that has the ledger.
        model: its name.
        book: the ledger as it was read.
        entry: the decision.
        hashes: of the test samples, ``[n]``.

    Raises:
        LedgerError: they are not as many as the ledger says.
    """
    line = entry.reserved
    used = (
        np.isin(hashes, members(store, model, book.sets[line.set - 1]))
        & ~np.isin(hashes, named_by(store, model, entry.barred))
        if line.set
        else np.zeros(len(hashes), np.bool_)
    )
    if int(used.sum()) != line.samples:
        raise LedgerError(
            f"Expected decision {line.number:,} to be on {line.samples:,} of the test samples. Received: "
            f"{int(used.sum()):,}. The prepared data was changed: run `slimline run` again."
        )
    return used


def _decode(content: bytes) -> Hashes:
    return np.frombuffer(content, "<u8").astype(np.uint64)
