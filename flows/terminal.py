"""Lines for a person at a terminal: one at a time, whatever thread they come from."""

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

_lock = threading.Lock()
WIDTH = 22  # of the column that names the stage


def say(topic: str, line: str) -> None:
    """Print a line under its topic."""
    with _lock:
        print(f"{topic:<{WIDTH}} {line}", flush=True, file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM leave the block as an exception does: processes that it started end, folders that it made go.

    Call it in the main thread, which is where Python handles signals.
    """

    def leave(number: int, frame: object) -> None:
        del frame
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
