"""Lines for a person at a terminal, and JSON for a program: one at a time, whatever thread they come from.

Nothing else in :mod:`flows` prints, so that all that came from outside is text: see :mod:`tasks.text`.
"""

import contextlib
import json
import re
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tasks.text import visible, visible_lines

_lock = threading.Lock()
WIDTH = 22  # of the column that names the stage
HIDDEN = re.compile(r"[^\n\x20-\x7e]")  # JSON itself escapes the controls below the space


def say(topic: str, line: str) -> None:
    """Print a line under its topic.

    Args:
        topic: a word for what the line is about.
        line: for a person.
    """
    with _lock:
        sys.stderr.write(f"{row(topic, line)}\n")  # at once: no signal parts the line from its end
        sys.stderr.flush()


def row(topic: str, line: str) -> str:
    """Return a line under its topic.

    Args:
        topic: a word for what the line is about.
        line: for a person.
    """
    return f"{visible(topic):<{WIDTH}} {visible(line)}"


def log(line: str) -> None:
    """Print a line of a log with its time, at once; what it has behind it, as a traceback, is indented.

    Args:
        line: of any number of lines.
    """
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {visible_lines(line)}", flush=True)


def tell(*columns: str) -> None:
    """Print a line on standard output, columns parted by tabs."""
    print("\t".join(map(visible, columns)))


def tell_error(error: object) -> None:
    """Print what went wrong on standard error.

    Args:
        error: with a message.
    """
    print(f"error: {visible_lines(str(error))}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output; what has no shape goes as an escape of JSON, which reads back.

    Args:
        value: as :mod:`json` takes it.
    """
    print(HIDDEN.sub(_escape, json.dumps(value, indent=2, ensure_ascii=False)))


def _escape(found: re.Match[str]) -> str:
    return found[0] if visible(found[0]) == found[0] else json.dumps(found[0])[1:-1]


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM leave the block as an exception does: processes that it started end, folders that it made go.

    Call it in the main thread, which is where Python handles signals.

    Raises:
        SystemExit: in the block, where the signal arrives.
    """

    def leave(number: int, frame: object) -> None:
        del frame
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
