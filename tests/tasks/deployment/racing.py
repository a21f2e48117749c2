"""Many processes that release at once, and readers that look all the time.

A round begins when all processes are ready. In each of them a whole release is made, uploaded, fetched back, staged and
promoted; whoever moves the channel has won. Meanwhile readers fetch whatever the channels point to as a device would.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from tasks.config import Retention
from tasks.deployment.device.downloading import download
from tasks.deployment.records import Pointer
from tasks.deployment.registry import current, read_manifest
from tasks.deployment.releases.channels import trail
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.retention import clean
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.keys import new_key
from tasks.errors import Conflict
from tests.processes import CLEAN, take_over
from tests.tasks.deployment.project import params_for, trust_of, write_project

MODEL, STAGING, PRODUCTION = "shades", "staging", "production"
KEY = "release.pem"
SWEEP = 10  # rounds after which old releases are removed

start: Barrier
ended: Event


@dataclass(frozen=True)
class Race:
    """The end of a race."""

    winners: tuple[tuple[int, ...], ...]  # the versions that won, by round
    fetched: int  # whole releases that readers fetched and verified
    trails: dict[str, list[Pointer]]  # the oldest move first


def race(
    store: str,
    folder: Path,
    rounds: int,
    processes: int,
    readers: int = 2,
    tell: Callable[[int, tuple[int, ...]], object] | None = None,
) -> Race:
    """Let ``processes`` release at once, ``rounds`` times.

    Args:
        folder: an empty one, for the projects.
        tell: is told the versions that won a round.
    """
    new_key(folder / KEY)
    for number in range(processes):
        (folder / str(number)).mkdir()
    over = CLEAN.Event()
    with (
        ProcessPoolExecutor(processes, CLEAN, _enter, (dict(os.environ), CLEAN.Barrier(processes), over)) as runners,
        ProcessPoolExecutor(readers, CLEAN, _enter, (dict(os.environ), CLEAN.Barrier(1), over)) as pool,
    ):
        with _until_the_end(over):
            reading = [pool.submit(_read, store, folder / KEY) for _ in range(readers)]
            winners = []
            for turn in range(rounds):
                runs = [runners.submit(_release, store, folder, number, turn) for number in range(processes)]
                winners.append(tuple(version for run in runs if (version := run.result()) is not None))
                if tell:
                    tell(turn, winners[-1])
                if turn % SWEEP == SWEEP - 1:
                    list(clean(open_store(store), MODEL, Retention(keep=10)))
                _look(reading)
        fetched = sum(each.result() for each in reading)
    trails = {channel: list(trail(open_store(store), MODEL, channel))[::-1] for channel in (STAGING, PRODUCTION)}
    return Race(tuple(winners), fetched, trails)


def check(result: Race) -> None:
    """Exactly one winner a round, and every move on the trails."""
    assert [len(each) for each in result.winners] == [1] * len(result.winners)
    won = [version for (version,) in result.winners]
    assert [move.version for move in result.trails[PRODUCTION]] == won
    for moves in result.trails.values():
        assert [move.generation for move in moves] == list(range(1, len(moves) + 1))
        assert [move.previous for move in moves] == [None, *(move.version for move in moves[:-1])]
    assert set(won) <= {move.version for move in result.trails[STAGING]}
    assert result.fetched > 0


@contextlib.contextmanager
def _until_the_end(over: Event) -> Iterator[None]:
    try:
        yield
    finally:
        over.set()


def _enter(environment: Mapping[str, str], barrier: Barrier, over: Event) -> None:
    global start, ended
    take_over(environment)
    start, ended = barrier, over


def _release(store: str, folder: Path, number: int, turn: int) -> int | None:
    """One release of one process; its version if it has won."""
    os.chdir(folder / str(number))
    params = params_for(store, folder / KEY)
    write_project(params, bias=1 + turn + number / 100)
    start.wait()
    try:
        return publish(params).version
    except Conflict:
        return None


def _read(store: str, key: Path) -> int:
    """Fetch and verify what the channels point to, over and over; gives how often."""
    source, fetched, last = open_store(store), 0, {STAGING: 0, PRODUCTION: 0}
    trust = trust_of(params_for(store, key))
    while not ended.is_set():
        for channel, generation in last.items():
            pointer = current(source, MODEL, channel)
            if pointer is None:
                continue
            assert pointer.generation >= generation
            last[channel] = pointer.generation
            sealed = read_manifest(source, MODEL, pointer.version, trust, pointer.manifest_sha256)
            with tempfile.TemporaryDirectory() as temporary:
                download(source, sealed, Path(temporary) / "release")
            fetched += 1
    return fetched


def _look(reading: list[Future[int]]) -> None:
    """A reader does not end by itself: if one has, it has seen something broken."""
    for each in reading:
        if each.done():
            each.result()
