"""Signals to a run, without Prefect: `tests/flows/cli/test_interrupt.py` has it with all of it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import ENDLESS, first_line, is_gone

LINE = "the next run goes on with what is not done"
RUN = f"""
import subprocess, sys, tempfile, threading
from flows.line.interrupting import ended_by_signals, interruptible
from flows.terminal import say

def tell(words):
    open("told", "w").write(words)

with ended_by_signals():
    child = subprocess.Popen([sys.executable, "-c", {ENDLESS!r}], start_new_session=True)
    BODY
"""
IN_THE_RUN = """with interruptible(tell), tempfile.TemporaryDirectory(dir=".") as folder:
        print(child.pid, flush=True)
        while True:
            say("train", "x" * 200)
"""
AROUND_IT = """print(child.pid, flush=True)
    threading.Event().wait()
"""
DEAF = """with interruptible(lambda words: threading.Event().wait()):
        print(child.pid, flush=True)
        while True:
            try:
                threading.Event().wait()
            except BaseException:
                pass
"""


HEARD = """import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # who runs tests in the background may ignore them
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
"""


def run(body: str, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HEARD + RUN.replace("BODY", body)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (IN_THE_RUN, signal.SIGINT),
        (IN_THE_RUN, signal.SIGTERM),
        (IN_THE_RUN, signal.SIGHUP),
        (AROUND_IT, signal.SIGINT),
        (DEAF, signal.SIGINT),
    ],
)
def test_a_signal_ends_a_run_with_one_line_and_leaves_nothing(
    tmp_path: Path, body: str, number: signal.Signals
) -> None:
    with run(body, tmp_path) as process:
        child = int(first_line(process))
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    lines = [line for line in said.splitlines() if not line.startswith("train ")]
    assert [line.endswith(LINE) for line in lines] == [True]
    assert is_gone(child)
    if body == IN_THE_RUN:
        assert [path.name for path in tmp_path.iterdir()] == ["told"]
        assert (tmp_path / "told").read_text() in lines[0]


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with run(DEAF, tmp_path) as process:
        child = int(first_line(process))
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().strip().endswith(LINE)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert time.monotonic() - begun < 60
    assert is_gone(child)


def test_a_signal_that_is_to_be_ignored_stays_ignored(tmp_path: Path) -> None:
    ignoring = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    body = "import os; os.kill(os.getpid(), signal.SIGHUP); print('alive', flush=True); child.kill()"
    done = subprocess.run(
        [sys.executable, "-c", ignoring + RUN.replace("BODY", body)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")
