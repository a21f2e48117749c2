"""Kills at random moments: whatever dies, the line ends with what an undisturbed run makes, and nothing is left.

How many and which: see :mod:`tests.flows.chaos`. Those of runs that the service starts are in service/test_chaos.py.
"""

import random
import subprocess
import time
from dataclasses import dataclass

import pytest

from tests.flows.chaos import RUNS, SEED, Project, disturb, kill_one, turn
from tests.flows.short_project import SLIMLINE, run, short_project

pytestmark = pytest.mark.slow  # each disturbed run is a run, and one more
SECONDS = 900.0  # that a run may take on a busy machine
VICTIMS = {"flow": "slimline run", "server": "server start", "dvc": "dvc.attached", "stage": " -m tasks."}


@dataclass(frozen=True)
class Tried:
    """A project; ``undisturbed``: digests of what a run makes that nobody disturbs; ``seconds``: that it takes."""

    project: Project
    undisturbed: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    folder = tmp_path_factory.mktemp("chaos") / "demo"
    project = Project(folder, short_project(folder))
    begun = time.monotonic()
    done = run(project.environment, folder, SLIMLINE, "run")
    assert done.returncode in {0, 3}, done.stderr
    return Tried(project, project.digests(), time.monotonic() - begun)


@pytest.mark.parametrize("number", range(RUNS))
def test_a_run_that_is_disturbed_ends_as_one_that_is_not(tried: Tried, number: int) -> None:
    project, dice = tried.project, random.Random(SEED * 1000 + number)
    kind, moment = turn(VICTIMS, number), dice.uniform(0.05, 0.95) * tried.seconds
    project.begin_anew()
    with subprocess.Popen(
        [SLIMLINE, "run"],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        was_killed = disturb(
            lambda: kill_one(project.running(VICTIMS[kind]), dice), moment, lambda: started.poll() is not None
        )
        _, said = started.communicate(timeout=SECONDS)
    print(f"seed {SEED}, run {number}: {kind if was_killed else 'nobody'} killed after {moment:.0f} s")
    assert "Traceback" not in said, f"{kind}: {said}"
    project.expect_nobody()
    done = run(project.environment, project.folder, SLIMLINE, "run")
    assert done.returncode in {0, 3}, f"{kind}: {done.stderr}"
    assert project.digests() == tried.undisturbed, kind
    project.expect_nobody()
