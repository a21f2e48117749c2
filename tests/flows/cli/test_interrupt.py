"""`slimline run` at a terminal: Ctrl-C, signals, and two at once, with real stages and a real server."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.environment import STATE
from flows.line.interrupting import NEXT
from tests.flows.short_project import SLIMLINE, short_project
from tests.terminals import CTRL_C, Terminal, terminal

pytestmark = pytest.mark.slow  # a server and TensorFlow start for each


@dataclass
class Project:
    folder: Path
    environment: dict[str, str]

    def states(self) -> list[str]:
        """Names of the last states of all runs, the oldest first."""
        with sqlite3.connect(self.folder / STATE / "prefect" / "prefect.db") as database:
            rows = database.execute("select state_name from flow_run order by created").fetchall()
        return [str(name) for (name,) in rows]

    def tasks_at_work(self) -> int:
        with sqlite3.connect(self.folder / STATE / "prefect" / "prefect.db") as database:
            (count,) = database.execute("select count(*) from task_run where state_type = 'RUNNING'").fetchone()
        return int(count)

    def run(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [SLIMLINE, "run"], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("interrupt") / "demo"
    return Project(folder, short_project(folder, epochs=500))


@pytest.fixture
def running(project: Project) -> Iterator[Terminal]:
    with terminal([SLIMLINE, "run"], project.folder, project.environment) as started:
        yield started


def end(started: Terminal, number: int | None) -> str:
    """End the run, by the key or by a signal; gives what it then printed."""
    tree = psutil.Process(started.process.pid).children(recursive=True)
    if number is None:
        started.press(CTRL_C)
    else:
        os.kill(started.process.pid, number)
    code, said, seconds = started.end()
    assert code == 128 + (number or signal.SIGINT)
    assert seconds < 5
    _, alive = psutil.wait_procs(tree, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    return said.removeprefix("^C")


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_a_run_ends_within_seconds_in_an_epoch(project: Project, running: Terminal, number: int | None) -> None:
    running.wait_for("epoch 1")
    (line,) = end(running, number).strip().splitlines()
    assert line.endswith(NEXT)
    assert project.states()[-1] == "Interrupted"
    assert project.tasks_at_work() == 0


def test_a_run_ends_within_seconds_while_it_starts(running: Terminal) -> None:
    running.wait_for("starting Prefect")
    (line,) = end(running, None).strip().splitlines()
    assert line.endswith(NEXT)


def test_a_second_run_says_so_in_one_line_and_the_first_goes_on(project: Project, running: Terminal) -> None:
    running.wait_for("starting Prefect")
    early = project.run()
    running.wait_for("epoch 1")
    late = project.run()
    for second in (early, late):
        assert second.returncode == 1
        (line,) = second.stderr.strip().splitlines()
        assert line.startswith("error: Expected no other run")
        assert str(running.process.pid) in line
        assert second.stdout == ""
    before = len(running.said)
    running.wait_for("epoch 3")
    assert "rror" not in running.said[before:]
    assert project.states()[-1] == "Running"
    end(running, None)


def test_the_next_run_goes_on_quietly(project: Project) -> None:
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 500", "epochs: 1"))
    done = project.run()
    assert done.returncode in {0, 3}, done.stderr
    assert "WARNING" not in done.stderr
    assert "killed" not in done.stderr
    assert "Busy" not in project.states()
    assert (
        not (project.folder / ".dvc" / "tmp" / "rwlock").exists()
        or "pid" not in (project.folder / ".dvc" / "tmp" / "rwlock").read_text()
    )
