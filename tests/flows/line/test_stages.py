import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from flows.environment import WORKSPACE
from flows.line.stages import StageFailed, end_all, follow
from flows.line.workspace import end_leftovers


def script(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", text]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Running stage 'load':", "Ran"),
        ("Stage 'load' is cached - skipping run, checking out outputs", "Restored"),
        ("Stage 'load' didn't change, skipping", "Unchanged"),
    ],
)
def test_what_dvc_says_names_what_happened(line: str, outcome: str) -> None:
    assert follow(script(f"print({line!r})"), "load", lambda _: None) == outcome


def test_lines_reach_the_log_without_dvcs_advice() -> None:
    lines: list[str] = []
    follow(script("print('epoch 1/2'); print('Use `dvc push` to send your updates')"), "train", lines.append)
    assert lines == ["epoch 1/2"]


def test_a_stage_does_not_get_the_signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMLINE_SIGNING_KEY", "secret")
    lines: list[str] = []
    follow(script("import os; print('key', os.environ.get('SLIMLINE_SIGNING_KEY'))"), "train", lines.append)
    assert lines == ["key None"]


def test_a_failed_stage_says_what_it_said_and_with_which_code() -> None:
    text = (
        "import sys; print('error: Expected 3 classes. Received: 1.', file=sys.stderr);"
        "print('Give it more.', file=sys.stderr);"
        "print(\"ERROR: failed to reproduce 'load': failed to run: python -m x, exited with 2\", file=sys.stderr);"
        "sys.exit(255)"
    )
    with pytest.raises(StageFailed) as caught:
        follow(script(text), "load", lambda _: None)
    assert caught.value.message == "Expected 3 classes. Received: 1.\nGive it more."
    assert caught.value.code == 2


def test_cancelling_ends_the_stage_and_what_it_started() -> None:
    text = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print('child', child.pid); time.sleep(600)"
    )
    started, children, failures = threading.Event(), [], []

    def log(line: str) -> None:
        children.append(int(line.split()[1]))
        started.set()

    def run() -> None:
        try:
            follow(script(text), "train", log)
        except StageFailed as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    child = psutil.Process(children[0])
    end_all()
    thread.join(60)
    assert not thread.is_alive()
    assert failures
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def orphan(workspace: str) -> psutil.Process:
    """A process whose parent has ended, with the mark of a run in a folder."""
    text = (
        "import subprocess, sys;"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)'];"
        "print(subprocess.Popen(sleep, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"
    )
    environment = {**os.environ, WORKSPACE: workspace}
    said = subprocess.run(script(text), env=environment, capture_output=True, text=True, check=True)
    return psutil.Process(int(said.stdout))


def test_what_a_killed_run_left_is_ended_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    left, other = orphan(str(tmp_path)), orphan("/elsewhere")
    try:
        assert end_leftovers() == [left.pid]
        assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
        assert other.is_running()
    finally:
        other.kill()
