"""One run at a time in a project's folder, and nothing left over from a run that was killed."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from flows.environment import STATE, WORKSPACE
from flows.terminal import say
from tasks.errors import SlimlineError
from tasks.versioning.dvc import mend

LOCK = STATE / "run.lock"
LEAST_ROOM = 32 << 20  # bytes that the record of a run and its stages' settings may take
SECONDS = 1.0  # that a run waits for who looks whether the folder is free

_held: set[Path] = set()  # folders that this process holds


class Busy(SlimlineError):
    """Another run is at work in this folder."""


class NoRoom(SlimlineError):
    """The disk is nearly full: a run could not even keep its record."""


def expect_room() -> None:
    """Refuse to begin where a run could not keep its record.

    Raises:
        NoRoom: the disk of this folder is nearly full.
    """
    if (free := shutil.disk_usage(Path.cwd()).free) < LEAST_ROOM:
        raise NoRoom(
            f"Expected {LEAST_ROOM >> 20} MiB of room on the disk of {Path.cwd()}. Received: {free >> 20} MiB. "
            f"Make room; what is finished is kept, and the next run goes on from there."
        )


@contextlib.contextmanager
def exclusive_run() -> Iterator[None]:
    """Hold the project for one run; end what an earlier, killed run left running.

    What this process holds already stays held.

    Raises:
        Busy: another run holds it.
        NoRoom: the disk is nearly full.
    """
    here = Path.cwd()
    if here in _held:
        yield
        return
    expect_room()
    with _locked(SECONDS) as lock:
        if not lock.is_ours:
            raise Busy(
                f"Expected no other run in {here}. "
                f"Received: one with process {lock.holder or 'unknown'}. Wait for it, or end it."
            )
        end_leftovers()
        if lock.holder:
            for sentence in mend():
                say("slimline", sentence)
        _held.add(here)
        try:
            yield
        finally:
            _held.remove(here)


@contextlib.contextmanager
def held_if_free() -> Iterator[bool]:
    """Hold the project if no run does; what runs left running may be ended then.

    Yields:
        whether it is held now.
    """
    with _locked(0, mark=False) as lock:
        yield lock.is_ours


def holder() -> str | None:
    """Return the process of the run that holds the project, None where none does.

    Who only looks whether it is free, as the service does every few seconds, has the lock for a moment and is no run.
    """
    with _locked(0, mark=False) as lock:
        return None if lock.is_ours or not _lives(lock.holder) else lock.holder


def _lives(process: str) -> bool:
    return process.isdigit() and psutil.pid_exists(int(process))


@dataclass(frozen=True)
class _Lock:
    """``holder``: the process that holds it, or, where it is ours now, the one that held it and was killed."""

    is_ours: bool
    holder: str


@contextlib.contextmanager
def _locked(seconds: float, mark: bool = True) -> Iterator[_Lock]:
    """Hold the lock, or tell who holds it after so many seconds.

    Args:
        seconds: to wait for it.
        mark: note this process as the holder; only an orderly end takes the note away.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with LOCK.open("a+") as file:
        while not (is_ours := _is_ours(file)) and time.monotonic() < deadline:
            time.sleep(0.05)  # nothing tells when a lock is let go, but to who waits without an end
        file.seek(0)
        holder = file.read().strip()
        if is_ours and mark:
            _note(file, str(os.getpid()))
        try:
            yield _Lock(is_ours, holder)
        finally:
            if is_ours and mark:
                _note(file, "")


def _note(file: IO[str], text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()


def _is_ours(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_leftovers() -> list[int]:
    """Kill processes that a dead run of this folder started.

    Returns:
        their process numbers.
    """
    here = str(Path.cwd())
    me = psutil.Process()
    own = {process.pid for process in (me, *me.parents(), *me.children(recursive=True))}
    ended = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in own and process.environ().get(WORKSPACE) == here:
                process.kill()
                ended.append(process)
    psutil.wait_procs(ended, timeout=30)
    return [process.pid for process in ended]
