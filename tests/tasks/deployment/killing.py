"""Processes that die at a chosen moment, the hard way."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing import get_context
from typing import Any

KILLS = 200  # of a long test


def killed(work: Callable[[], object]) -> bool:
    """Whether ``work`` in a process of its own ended by SIGKILL."""
    process = get_context("fork").Process(target=partial(carry_out, work))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def at_once(works: Iterable[Callable[[], object]]) -> None:
    """Do all ``works`` at the same time, each in a process of its own; none may fail."""
    processes = [get_context("fork").Process(target=partial(carry_out, work)) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def carry_out(work: Callable[[], object]) -> None:
    """End with the work: what libraries of the test session have to do at exit is not for a copy of its process."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_flush(flush: int) -> None:
    """Let this process die where, after ``flush`` times, something is to be flushed to the disk again."""
    left, fsync = iter(range(flush)), os.fsync

    def fatal(handle: Any) -> None:
        if next(left, None) is None:
            die()
        fsync(handle)

    vars(os)["fsync"] = fatal


def kill_within(work: Callable[[], object], seconds: float) -> bool:
    """Run ``work`` in a process of its own and kill it after so long; whether that came before its end."""
    process = get_context("fork").Process(target=partial(carry_out, work))
    process.start()
    process.join(seconds)
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def seconds_of(work: Callable[[], object]) -> float:
    """How long ``work`` takes in a process of its own."""
    began = time.perf_counter()
    assert not kill_within(work, 60)
    return time.perf_counter() - began
