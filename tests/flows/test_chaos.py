"""Kills at random moments: whatever dies, the line ends with what an undisturbed run makes, and nothing is left.

``SLIMLINE_CHAOS`` says how many runs are disturbed, ``SLIMLINE_CHAOS_SEED`` where the dice begin.
"""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.environment import STATE
from tests.flows.short_project import SLIMLINE, run, short_project

pytestmark = pytest.mark.slow  # each disturbed run is a run, and one more
RUNS = int(os.environ.get("SLIMLINE_CHAOS", "3"))
SEED = int(os.environ.get("SLIMLINE_CHAOS_SEED", "1"))
MADE = ("data/prepared", "models/baseline.tflite", "models/candidates/dynamic_int8/model.tflite")
SECONDS = 900.0  # that a run may take on a busy machine
Victim = Callable[[list[psutil.Process]], list[psutil.Process]]


@dataclass(frozen=True)
class Project:
    """``undisturbed``: digests of what a run makes that nobody disturbs; ``seconds``: that it takes."""

    folder: Path
    environment: dict[str, str]
    undisturbed: dict[str, str]
    seconds: float

    def begin_anew(self) -> None:
        """Forget what was made, and DVC's memory of it."""
        for name in (STATE / "store", STATE / "remote", Path(".dvc/cache"), *map(Path, ("data", "models", "reports"))):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "dvc.lock").unlink(missing_ok=True)

    def digests(self) -> dict[str, str]:
        """Return the digest of each file that a run makes and that must not differ."""
        files = [
            path
            for name in MADE
            for path in ([self.folder / name] if (self.folder / name).is_file() else (self.folder / name).rglob("*"))
            if path.is_file()
        ]
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)
        }

    def processes(self) -> list[psutil.Process]:
        """Return what works in the folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.cwd() == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def expect_nobody(self) -> None:
        """Fail if somebody still works in the folder."""
        _, alive = psutil.wait_procs(self.processes(), timeout=30)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("chaos") / "demo"
    environment = short_project(folder)
    begun = time.monotonic()
    done = run(environment, folder, SLIMLINE, "run")
    assert done.returncode in {0, 3}, done.stderr
    made = Project(folder, environment, {}, time.monotonic() - begun)
    return Project(folder, environment, made.digests(), made.seconds)


def running(word: str) -> Victim:
    """Choose the processes whose command has a word."""

    def choose(processes: list[psutil.Process]) -> list[psutil.Process]:
        return [process for process in processes if word in " ".join(command(process))]

    return choose


def command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


VICTIMS: dict[str, Victim] = {
    "flow": running("slimline run"),
    "server": running("server start"),
    "dvc": running("dvc.attached"),
    "stage": running(" -m tasks."),
}


def disturb(project: Project, started: "subprocess.Popen[str]", dice: random.Random) -> str:
    """Kill one process of a kind at a random moment of a run; gives what was killed."""
    kind = dice.choice(sorted(VICTIMS))
    moment = time.monotonic() + dice.uniform(0.05, 0.95) * project.seconds
    while started.poll() is None:
        if time.monotonic() >= moment and (there := VICTIMS[kind](project.processes())):
            with contextlib.suppress(psutil.NoSuchProcess):
                dice.choice(there).send_signal(signal.SIGKILL)
                return kind
        time.sleep(0.02)  # a random moment is waited for
    return "nobody"


@pytest.mark.parametrize("number", range(RUNS))
def test_a_run_that_is_disturbed_ends_as_one_that_is_not(project: Project, number: int) -> None:
    dice = random.Random(SEED * 1000 + number)
    project.begin_anew()
    with subprocess.Popen(
        [SLIMLINE, "run"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        killed = disturb(project, started, dice)
        _, said = started.communicate(timeout=SECONDS)
    assert "Traceback" not in said, f"{killed}: {said}"
    project.expect_nobody()
    done = run(project.environment, project.folder, SLIMLINE, "run")
    assert done.returncode in {0, 3}, f"{killed}: {done.stderr}"
    assert project.digests() == project.undisturbed, killed
    project.expect_nobody()
