"""Processes that are started with all that they start themselves, and ended together."""

import contextlib
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ENDED = 143  # what a shell reports of a process that SIGTERM ended
THREADS = "TF_NUM_INTRAOP_THREADS"  # the variable of the environment that says how many, by TensorFlow's name


@contextlib.contextmanager
def process_group(
    command: list[str], environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that leads a group of its own; its output and errors are one stream of text.

    At the block's end it is waited for, and what is left of its group is killed. When the block is left early, by an
    exception, the whole group is killed at once. Its standard input stays open, and empty, while this process
    lives: see :func:`end_group_with_parent`.

    Args:
        command: the program and its arguments.
        environment: all of the process's variables.
        folder: where it runs; by default here.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
            process.wait()
        except BaseException:
            end_group(process.pid)
            raise
    end_group(process.pid)


def end_group(leader: int) -> None:
    """Kill what is left of a process group.

    Args:
        leader: the number of the process that leads it.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def end_with_parent() -> None:
    """End this process when the one that started it ends, whatever ended it: then standard input is closed."""
    _watch(0, lambda: os._exit(ENDED))


def end_group_with_parent() -> None:
    """End the group that this process leads when the one that started it ends, whatever ended it.

    Then the pipe that was standard input is closed; what this process starts finds standard input empty. Where it is no
    pipe, a person has started this process, and ends it.
    """
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        return
    pipe = os.dup(0)
    with Path(os.devnull).open("rb") as empty:
        os.dup2(empty.fileno(), 0)

    def end() -> None:
        if os.getpgrp() == os.getpid():
            end_group(os.getpid())
        os._exit(ENDED)

    _watch(pipe, end)


def _watch(pipe: int, end: Callable[[], None]) -> None:
    def watch() -> None:
        while os.read(pipe, 1):
            pass
        end()

    threading.Thread(target=watch, daemon=True).start()
