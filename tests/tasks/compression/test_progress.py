import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tasks.compression.progress import Pulse, beat


class Worker:
    """A thread of this file's functions that takes a step when it is told to."""

    def __init__(self) -> None:
        self.may, self.did, self.over = threading.Event(), threading.Event(), False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        step = 1000  # numbers below 257 are there once for all
        while not self.over:
            self.did.set()
            self.may.wait()
            self.may.clear()
            step += 1

    def go(self) -> None:
        self.did.clear()
        self.may.set()
        self.did.wait()


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    made.thread.start()
    made.did.wait()
    yield made
    made.over = True
    made.may.set()
    made.thread.join()


def at_rest(pulse: Pulse) -> None:
    """Wait until the thread waits itself."""
    while pulse.moved():
        pass


def test_who_waits_does_not_move_and_who_takes_a_step_does(worker: Worker) -> None:
    pulse = Pulse(worker.thread.ident or 0, own=__file__)
    assert pulse.moved()
    for _ in range(3):
        at_rest(pulse)
        assert not pulse.moved()
        worker.go()
        assert pulse.moved()


def test_what_a_library_does_below_is_no_movement_but_a_beat_is(worker: Any) -> None:
    pulse = Pulse(worker.thread.ident, own="/nowhere")
    assert pulse.moved()
    worker.go()
    assert not pulse.moved()
    beat()
    assert pulse.moved()
