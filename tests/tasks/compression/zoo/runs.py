"""Runs the zoo: a process a network, watched for death and for standing still."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from tests.tasks.compression.zoo.worker import MARK

STILL_SECONDS = 600  # without a line: it hangs

OUTSIDE = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)  # of a person, or of a system without memory

Outcome = dict[str, Any]


def outcomes(network: str, cases: Sequence[str], still: float = STILL_SECONDS) -> Iterator[Outcome]:
    """The ends of the cases of a network, in order.

    A process that a native crash ended refuses the case, as the compress stage does; the next one begins behind it. One
    that was ended from outside says nothing about the case.
    """
    left = list(cases)
    while left:
        for outcome in _one_process(network, tuple(left), still):
            yield outcome
            left.remove(outcome["case"])


def _one_process(network: str, cases: Sequence[str], still: float) -> Iterator[Outcome]:
    command = [sys.executable, "-m", "tests.tasks.compression.zoo.worker", network, *cases]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        done, said = 0, ""
        try:
            while (line := lines.get(timeout=still)) is not None:
                said = line.strip() or said
                if line.startswith(MARK):
                    done += 1
                    yield json.loads(line.removeprefix(MARK))
        except queue.Empty:
            os.killpg(process.pid, signal.SIGKILL)
            yield _ended(network, cases[done], "fault", f"no progress for {still:.0f} seconds after: {said[:200]}")
            return
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:  # whoever watches it ends
                os.killpg(process.pid, signal.SIGKILL)
    if done == len(cases):
        return
    if process.returncode < 0:
        reason = signal.Signals(-process.returncode).name
        verdict = "fault" if -process.returncode in OUTSIDE else "refused"
        yield _ended(network, cases[done], verdict, f"{reason} in the process that does the work")
    else:
        yield _ended(network, cases[done], "fault", f"ended with {process.returncode} after: {said[:300]}")


def _read(stream: Any, lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _ended(network: str, case: str, verdict: str, why: str) -> Outcome:
    return {"network": network, "case": case, "verdict": verdict, "why": why}
