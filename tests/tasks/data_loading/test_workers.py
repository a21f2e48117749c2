"""Processes that share work, and what becomes of it when one of them dies."""

import os
import signal
import struct
import sys
from types import FrameType

import pytest

from tasks.data_loading.workers import Workers
from tasks.errors import DataError


def die_within_an_answer(number: int) -> int:
    """Die in the middle of what goes back, as a process does that the kernel kills for want of memory."""
    if number != 3:
        return number
    frame: FrameType | None = sys._getframe()
    while frame is not None and "result_queue" not in frame.f_locals:
        frame = frame.f_back
    assert frame is not None
    queue = frame.f_locals["result_queue"]
    queue._wlock.acquire()
    os.write(queue._writer.fileno(), struct.pack("!i", 1000) + b"a part of it")
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_process_that_dies_within_its_answer_is_told_and_does_not_hang() -> None:
    with Workers(2) as workers, pytest.raises(DataError, match="a process that loads was killed"):
        list(workers.in_order(die_within_an_answer, range(20)))


def fail_in_time(number: int) -> int:
    raise TimeoutError(f"the work's own {number}")


def test_an_error_of_the_work_itself_is_given_as_it_is() -> None:
    with Workers(2) as workers, pytest.raises(TimeoutError, match="own 0"):
        list(workers.in_order(fail_in_time, range(3)))
