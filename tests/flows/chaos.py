"""A short project whose runs are disturbed: what an undisturbed run makes, who may be killed, and who must be gone.

``SLIMLINE_CHAOS`` says how many runs of each kind are disturbed, ``SLIMLINE_CHAOS_SEED`` where the dice begin.
"""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.environment import STATE

RUNS = int(os.environ.get("SLIMLINE_CHAOS", "3"))
SEED = int(os.environ.get("SLIMLINE_CHAOS_SEED", "1"))
MADE = ("data/prepared", "models/baseline.tflite", "models/candidates/dynamic_int8/model.tflite")
OFTEN = 0.02  # seconds between two looks for a process
Kill = Callable[[], bool]


@dataclass(frozen=True)
class Project:
    """A project in its folder, and the environment of commands there."""

    folder: Path
    environment: dict[str, str]

    def begin_anew(self) -> None:
        """Forget what was made, and DVC's memory of it."""
        for name in (STATE / "store", STATE / "remote", Path(".dvc/cache"), *map(Path, ("data", "models", "reports"))):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "dvc.lock").unlink(missing_ok=True)

    def digests(self) -> dict[str, str]:
        """Return the digest of each file that a run makes and that must not differ."""
        paths = [
            path
            for name in MADE
            for path in ([self.folder / name] if (self.folder / name).is_file() else (self.folder / name).rglob("*"))
        ]
        files = sorted(path for path in paths if path.is_file())
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def processes(self) -> list[psutil.Process]:
        """Return what works in the folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.cwd() == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def expect_nobody(self, but: Collection[int] = ()) -> None:
        """Fail if somebody still works in the folder but some processes."""
        there = [process for process in self.processes() if process.pid not in but]
        _, alive = psutil.wait_procs(there, timeout=30)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []

    def running(self, word: str) -> list[psutil.Process]:
        """Return what works in the folder and has a word in its command."""
        return [process for process in self.processes() if word in " ".join(command(process))]


def command(process: psutil.Process) -> list[str]:
    """Return a process's command; an empty one where it is gone."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def kill_one(processes: Collection[psutil.Process], dice: random.Random) -> bool:
    """Kill one of these processes; gives whether there was one."""
    for process in dice.sample(list(processes), k=min(1, len(processes))):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
            return True
    return False


def disturb(kill: Kill, seconds: float, has_ended: Callable[[], bool]) -> bool:
    """Kill after so many seconds, as soon as there is what is to be killed; gives whether that came before the end."""
    moment = time.monotonic() + seconds
    while not has_ended():
        if time.monotonic() >= moment and kill():
            return True
        time.sleep(OFTEN)  # a random moment is waited for
    return False


def turn(choices: Collection[str], number: int) -> str:
    """Return the choice of a number: all of them come in turn, in an order that the seed shuffles anew each time."""
    round_, place = divmod(number, len(choices))
    return random.Random(SEED * 1000 + round_).sample(list(choices), k=len(choices))[place]
