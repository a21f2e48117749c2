"""A terminal of its own for a command that a test starts, and the keys that a person presses there."""

import contextlib
import errno
import os
import pty
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CTRL_C = b"\x03"
TAKEN = (  # standard input becomes the terminal of this session: Ctrl-C there is a signal then
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass
class Terminal:
    """A command at a terminal; ``said``: what it has printed so far."""

    process: "subprocess.Popen[bytes]"
    handle: int
    said: str = field(default="")

    def wait_for(self, text: str, seconds: float = 300) -> None:
        """Read up to a text that the command prints."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            if not self._read(deadline):
                raise AssertionError(f"Expected {text!r}. Received: {self.said}")

    def press(self, key: bytes) -> None:
        os.write(self.handle, key)

    def end(self, seconds: float = 300) -> tuple[int, str, float]:
        """Wait for the command's end: its exit code, what it printed from now on, how many seconds it took."""
        begun, before = time.monotonic(), len(self.said)
        while self._read(begun + seconds):
            pass
        code = self.process.wait(seconds)
        return code, self.said[before:], time.monotonic() - begun

    def _read(self, deadline: float) -> bool:
        """Read what is there; False at the end, or when it is too late."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.handle, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return False
        try:
            read = os.read(self.handle, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:  # everybody has closed the other end
                raise
            return False
        self.said += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


@contextlib.contextmanager
def terminal(command: list[str | Path], folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Start a command at a terminal of its own; it is killed at the block's end."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKEN, *command],
        cwd=folder,
        env=environment,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
