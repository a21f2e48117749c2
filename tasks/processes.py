"""Processes that are started with all that they start themselves, and ended together."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

ENDED = 143  # what a shell reports of a process that SIGTERM ended
THREADS = "TF_NUM_INTRAOP_THREADS"  # the variable of the environment that says how many, by TensorFlow's name


@contextlib.contextmanager
def process_group(
    command: list[str], environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that leads a group of its own; its output and errors are one stream of text.

    At the block's end it is waited for, and what is left of its group is killed. When the block is left early, by an
    exception, the whole group is killed at once.

    Args:
        folder: where it runs; by default here.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
        except BaseException:
            end_group(process.pid)
            raise
    end_group(process.pid)


def end_group(leader: int) -> None:
    """Kill what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_with_parent() -> None:
    """End this process when the one that started it ends, whatever ended it: then standard input is closed."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(ENDED)

    threading.Thread(target=watch, daemon=True).start()
