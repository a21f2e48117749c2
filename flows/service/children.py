"""Processes that the service keeps alive, and ends with all that they started."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

LOGGED = 10_000_000  # bytes of a log, after which it is begun anew when its process starts


class Child:
    """A process that is started again when it ends.

    Args:
        name: in messages, and of its log.
        command: what it runs.
        environment: of the process.
        folder: where its log lies, ``NAME.log``; the one before it is kept as ``NAME.log.1``.
        ended: is told the name of a process that has ended by itself.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        ended: "queue.SimpleQueue[str]",
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command, self._environment, self._ended = list(command), dict(environment), ended
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; how it ends is told to the queue."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOGGED:
                self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,  # open while this process lives: see flows.service.attached
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the service's: it ends the worker before the server
            )
        self._process = process
        threading.Thread(target=self._wait, args=(process,), daemon=True).start()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._ended.put(self.name)

    @property
    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self, seconds: float) -> None:
        """Ask the process to end; kill it and all that it started if it is still there after so many seconds.

        Args:
            seconds: that it has to end by itself.
        """
        if self._process is None:
            return
        tree = descendants(self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        for process in (*tree, *descendants(self._process.pid)):
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_lines(self, count: int = 5) -> str:
        """Return the end of the log.

        Args:
            count: lines at most.
        """
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 8_192))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])
        except OSError:
            return ""


def descendants(pid: int) -> list[psutil.Process]:
    """Return what a process has started, and what that has.

    Args:
        pid: of the process.
    """
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []
