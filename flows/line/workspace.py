"""One run at a time in a project's folder, and nothing left over from a run that was killed."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from flows.environment import STATE, WORKSPACE
from tasks.errors import SlimlineError

LOCK = STATE / "run.lock"
LOCKS = Path("/proc/locks")


class Busy(SlimlineError):
    """Another run is at work in this folder."""


@contextlib.contextmanager
def exclusive_run() -> Iterator[None]:
    """Hold the project for one run; end what an earlier, killed run left running.

    Raises:
        Busy: another run holds it.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(
                f"Expected no other run in {Path.cwd()}. "
                f"Received: one with process {file.read().strip() or 'unknown'}. Wait for it, or end it."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        end_leftovers()
        yield


def is_held() -> bool:
    """Return whether a run holds this folder, as the kernel says: to try the lock would turn away a run that begins.

    Where the kernel lists no locks, nobody is said to hold it.
    """
    try:
        file, locks = LOCK.stat(), LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    held = [line.split() for line in locks]
    return any("FLOCK" in words and any(word.endswith(f":{file.st_ino}") for word in words) for words in held)


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
