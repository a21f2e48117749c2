"""Lines for a person at a terminal: one at a time, whatever thread they come from."""

import json
import sys
import threading
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
