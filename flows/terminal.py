"""Lines for a person at a terminal: one at a time, whatever thread they come from."""

import sys
import threading

_lock = threading.Lock()
WIDTH = 22  # of the column that names the stage


def say(topic: str, line: str) -> None:
    """Print a line under its topic."""
    with _lock:
        print(f"{topic:<{WIDTH}} {line}", flush=True, file=sys.stderr)
