import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.line.workspace import LOCK, Busy, NoRoom, exclusive_run, held_if_free
from flows.line.workspace import holder as a_run_that_holds_it
from tests.processes import ENDLESS, first_line

HOLDER = f"""
from flows.line.workspace import exclusive_run
with exclusive_run():
    print("held", flush=True)
    {ENDLESS}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def holder() -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
    assert first_line(process) == "held"
    return process


def test_what_this_process_holds_stays_held() -> None:
    with exclusive_run():
        with exclusive_run():
            pass
        assert LOCK.read_text() == str(os.getpid())
        with held_if_free() as is_free:
            assert not is_free
    assert LOCK.read_text() == ""
    with held_if_free() as is_free:
        assert is_free


def test_the_next_run_puts_right_what_a_killed_one_left() -> None:
    damaged = Path("dvc.lock")
    with holder() as process:
        with pytest.raises(Busy, match=f"process {process.pid}"), exclusive_run():
            pass
        process.kill()
        process.wait(60)
    Path(".dvc/tmp").mkdir(parents=True)
    damaged.write_text("schema: '2.0'\nstages:\n  load:\n    cm")
    with exclusive_run():
        assert not damaged.exists()
    damaged.write_text("schema: '2.0'\nstages:\n  load:\n    cm")
    with exclusive_run():  # the last one ended as it should: nothing is looked for
        assert damaged.exists()


def test_who_looks_whether_the_folder_is_free_is_no_run() -> None:
    with holder() as process:
        with held_if_free() as is_free:
            assert not is_free
        assert LOCK.read_text() == str(process.pid)
        assert a_run_that_holds_it() == str(process.pid)
        process.kill()
        process.wait(60)
    assert a_run_that_holds_it() is None
    with held_if_free() as is_free:
        assert is_free
    assert LOCK.read_text() == str(process.pid)


def test_a_look_at_the_folder_is_not_taken_for_a_run() -> None:
    with held_if_free():
        assert a_run_that_holds_it() is None
    with holder() as process:
        process.kill()
        process.wait(60)
    with held_if_free():  # the note of the dead one is still there
        assert a_run_that_holds_it() is None


def test_no_run_begins_on_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 2**20, 2**20))
    with pytest.raises(NoRoom, match=r"32 MiB of room.*1 MiB"), exclusive_run():
        pass
    assert not LOCK.exists()
