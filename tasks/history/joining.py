"""The history as people read it: runs' records, joined with what releases and the ledger say of themselves."""

from collections.abc import Iterable, Mapping

from tasks.deployment.decisions.entries import Book, Entry
from tasks.deployment.decisions.ledger import read as read_ledger
from tasks.deployment.records import Release
from tasks.deployment.registry import Odd, find_releases
from tasks.deployment.stores.protocol import Store
from tasks.history.keeping import read_runs
from tasks.history.records import Past, RunRecord
from tasks.spending import worth

MOST = 50  # lines, where nobody asks for more
RELEASED = "Released"  # how a run ended that left nothing but its release


def read_history(store: Store, model: str, most: int = MOST) -> tuple[list[Past], tuple[Odd, ...]]:
    """Return what the last runs and releases came to, the newest first, and what cannot be understood.

    Args:
        store: of the releases.
        model: its name.
        most: lines.

    Raises:
        LedgerError: the ledger is none.
        StoreError: the store cannot be read.
    """
    runs, odd_runs = read_runs(store, model, most)
    releases, odd_releases = find_releases(store, model)
    lines = join(runs, releases, read_ledger(store, model))
    return lines[:most], (*odd_runs, *odd_releases)


def join(runs: Iterable[RunRecord], releases: Iterable[Release], book: Book) -> list[Past]:
    """Return a line for each run, and one for each release that no run's record names, the newest first.

    Args:
        runs: their records.
        releases: that are there.
        book: the ledger.
    """
    known = {release.manifest_sha256: release for release in releases}
    lines = [_of_run(run, known, book) for run in runs]
    named = {run.manifest_sha256 for run in runs}
    lines += [_of_release(release) for digest, release in known.items() if digest not in named]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _of_run(run: RunRecord, known: Mapping[str, Release], book: Book) -> Past:
    """Return a line in which what is signed goes before what the run has noted of it."""
    release = known.get(run.manifest_sha256 or "")
    taken = run.decision
    entry = book.entries[taken.number - 1] if taken and taken.number <= len(book.entries) else None
    return Past(
        at=run.at,
        ending=run.ending,
        release=run.release,
        channels=release.channels if release else (),
        recipe=run.recipe,
        metric=run.metric,
        interval=run.interval,
        metrics=release.metrics if release else run.metrics,
        stored_bytes=release.stored_bytes if release else run.stored_bytes,
        loaded_bytes=release.loaded_bytes if release else run.loaded_bytes,
        latency_us=run.latency_us,
        latency_ratio=run.latency_ratio,
        gate=run.outcome,
        decision=taken.number if taken else None,
        decisions_left=taken.provable if taken else None,
        worth=left_after(entry) if entry else None,
        data=run.data,
        cause=run.cause,
    )


def _of_release(release: Release) -> Past:
    return Past(
        at=release.created,
        ending=RELEASED,
        release=release.version,
        channels=release.channels,
        recipe=release.recipe,
        metric=next(iter(release.metrics), None),
        interval=None,
        metrics=release.metrics,
        stored_bytes=release.stored_bytes,
        loaded_bytes=release.loaded_bytes,
        latency_us=None,
        latency_ratio=None,
        gate=None,
        decision=None,
        decisions_left=None,
        worth=None,
        data=None,
        cause=None,
    )


def left_after(entry: Entry) -> int | None:
    """Return what a set of samples could still decide after a decision, in samples of a first one.

    Args:
        entry: of the ledger.

    Returns:
        None for a decision that needed no sealed sample.
    """
    line = entry.reserved
    if not line.set:
        return None
    level = entry.after.level(line.error, line.ceiling)
    return worth(line.samples, level, line.ceiling) if level else 0
