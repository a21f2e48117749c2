"""Signs of life of a process that works, so that a hang is told from long work.

A library that walks a graph in a circle, or waits for itself, keeps this project's own functions where they are. Work
that goes on moves them: a loop goes to its next image or layer, a function calls another one. :class:`Pulse` looks at
them now and then. Training, which stays within one call of Keras for a whole epoch, says so itself with :func:`beat`.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from tasks.backend import keras

OWN = str(Path(__file__).parents[1])  # where this project's functions are
EVERY = 5.0  # seconds between two looks

Place = tuple[int, int, tuple[int, ...]]  # a function's frame, how far it is, and its variables

_beats = [0]  # so far


def beat() -> None:
    """Say that work goes on."""
    _beats[0] += 1


def beating() -> object:
    """Return a Keras callback that beats with each batch, of training and of validation."""

    class Beating(keras().callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            beat()

        def on_test_batch_end(self, batch: int, logs: object = None) -> None:  # noqa: ARG002
            beat()

    return Beating()


class Pulse:
    """Tells whether a thread of this process has come further since the last time it was asked.

    Args:
        thread: its identifier.
        own: where the functions are that count.
    """

    def __init__(self, thread: int, own: str = OWN) -> None:
        self._thread, self._own = thread, own
        self._last: tuple[int, list[Place]] | None = None

    def moved(self) -> bool:
        """Return whether the process has moved on."""
        frames = _frames(sys._current_frames().get(self._thread))
        now = (_beats[0], [_place(frame) for frame in frames if frame.f_code.co_filename.startswith(self._own)])
        last, self._last = self._last, now
        return last != now


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _place(frame: FrameType) -> Place:
    return id(frame), frame.f_lasti, tuple(id(value) for value in frame.f_locals.values())


def watch(say: Callable[[], object], thread: int | None = None) -> None:
    """Call ``say`` from now on whenever the thread, which is this one unless it is named, has come further.

    Args:
        say: is called in a thread of its own.
        thread: its number; None for the one that calls.
    """
    pulse = Pulse(thread or threading.get_ident())
    asleep = threading.Event()

    def look() -> None:
        while not asleep.wait(EVERY):
            if pulse.moved():
                say()

    threading.Thread(target=look, daemon=True).start()
