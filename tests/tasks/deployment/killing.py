"""Processes that die at a chosen moment, the hard way."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.process import BaseProcess
from typing import Any

from tests.processes import CLEAN, take_over

KILLS = 200  # of a long test


def killed(work: Callable[[], object]) -> bool:
    """Tell whether ``work`` in a process of its own ended by SIGKILL. It can be pickled."""
    process = process_of(work)
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def at_once(works: Iterable[Callable[[], object]]) -> None:
    """Do all ``works`` at the same time, each in a process of its own; none may fail."""
    processes = [process_of(work) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)


def process_of(work: Callable[[], object]) -> BaseProcess:
    """A process for ``work``, in the working folder and with the environment of now."""
    return CLEAN.Process(target=carry_out, args=(work, dict(os.environ)))


def carry_out(work: Callable[[], object], environment: Mapping[str, str]) -> None:
    """End with the work: what libraries have to do at exit is not for it."""
    take_over(environment)
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
    process = process_of(work)
    process.start()
    process.join(seconds)
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def seconds_of(work: Callable[[], object]) -> float:
    """The seconds that ``work`` takes in a process of its own."""
    began = time.perf_counter()
    assert not kill_within(work, 60)
    return time.perf_counter() - began
