"""A run that a person interrupts, or a supervisor ends: one line, nothing left running, within seconds.

Prefect's own way to end asks its server for every task that is left, and goes on asking where the server is gone. So a
signal does not unwind what Prefect has on the stack: the stages are killed, the run's state is told, the process exits.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import psutil

from flows.terminal import row

SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "the terminal is gone"}
SECONDS = 3.0  # that telling the state and unwinding the run may take together
NEXT = "the next run goes on with what is not done"


class Interrupted(BaseException):
    """A signal has come while the run's own code was at work."""


class _Run:
    """The run of this process that signals end."""

    def __init__(self) -> None:
        self.endings: list[Callable[[str], None]] = []  # what to do, with the words for what happened
        self.unwinds = False  # whether the code at work is the run's own
        self.unwound = threading.Event()
        self.code: int | None = None  # the exit code, from the first signal on

    def signalled(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.code is not None:  # somebody is impatient
            _exit(self.code)
        self.code = 128 + number
        words = SIGNALS[signal.Signals(number)]
        _say_last(f"{words}: {NEXT}")
        if not self.unwinds:
            self.unwound.set()
        threading.Thread(target=self._end, args=(words,), daemon=True).start()
        if self.unwinds:
            raise Interrupted(words)
        threading.Event().wait()  # the other thread exits

    def _end(self, words: str) -> None:
        assert self.code is not None
        deadline = threading.Timer(SECONDS, _exit, (self.code,))
        deadline.daemon = True
        deadline.start()
        for ending in reversed(self.endings):
            with contextlib.suppress(Exception):  # nothing may keep the process; the next run puts it right
                ending(words)
        self.unwound.wait()
        _exit(self.code)


_runs: list[_Run] = []  # one, where signals end this process


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end this process within seconds; call it in the main thread.

    A signal that the process was told to ignore, as by nohup, stays ignored.
    """
    run = _Run()
    _runs.append(run)
    try:
        with _heard(run):
            yield
    finally:
        _runs.remove(run)


@contextlib.contextmanager
def _heard(run: _Run) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, run.signalled)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


@contextlib.contextmanager
def interruptible(ending: Callable[[str], None]) -> Iterator[None]:
    """Run code that a signal may leave at any place: its files and folders are put away first.

    Where signals are not :func:`ended_by_signals`, as in a worker's process, nothing is different.

    Args:
        ending: tells what happened, given the words for it; in a thread of its own.
    """
    if not _runs:
        yield
        return
    run = _runs[-1]
    run.endings.append(ending)
    run.unwinds = True
    try:
        with _heard(run):  # Prefect has a handler of its own for SIGTERM
            yield
    except Interrupted:
        run.unwound.set()
        threading.Event().wait()  # Prefect, which is below, would only hold it up
    finally:
        run.unwinds = False
        run.endings.remove(ending)


def _exit(code: int) -> None:
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()
    os._exit(code)


def _say_last(line: str) -> None:
    """Print a line and nothing more: what threads say while they are ended is of no use to anybody.

    The stream's own lock may be held by what the signal came upon.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"{row('slimline', line)}\n".encode())
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
