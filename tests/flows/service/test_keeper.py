import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.service.keeper import Duty, duties, keep, table


def run_until(done: Callable[[list[str]], bool], *table: Duty) -> list[str]:
    """Do the duties until the log is as wanted; gives the log."""
    ended, lines, guard = threading.Event(), list[str](), threading.Lock()

    def log(line: str) -> None:
        with guard:
            lines.append(line)
            if done(lines):
                ended.set()

    threading.Timer(60, ended.set).start()
    keep(table, ended, log)
    return lines


def test_a_duty_that_fails_is_told_of_once_and_done_again() -> None:
    times = iter(range(100))

    def work() -> list[str]:
        if (time := next(times)) < 3:
            raise ValueError("the server is away")
        return [f"time {time}"]

    lines = run_until(lambda said: any("time 4" in line for line in said), Duty("watch", 0.001, work))
    assert [line.splitlines()[0] for line in lines[:4]] == [
        "watch: ValueError: the server is away",
        "watch: time 3",
        "watch: it works again",
        "watch: time 4",
    ]
    assert "Traceback" in lines[0]


def test_a_duty_that_hangs_holds_up_no_other() -> None:
    hangs = threading.Event()

    def hang() -> list[str]:
        hangs.wait()
        return []

    lines = run_until(bool, Duty("slow", 0.001, hang), Duty("fast", 0.001, lambda: ["done"]))
    hangs.set()
    assert lines[0] == "fast: done"


def test_beside_a_server_without_a_project_there_are_fewer_duties(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [duty.name for duty in duties()] == [duty.name for duty in table() if duty.anywhere]
    (tmp_path / "params.yaml").touch()
    assert [duty.name for duty in duties()] == [duty.name for duty in table()]


def test_every_duty_has_a_name_of_its_own() -> None:
    names = [duty.name for duty in table()]
    assert len(names) == len(set(names)) > 0
