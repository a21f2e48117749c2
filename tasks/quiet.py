"""Hold back what native libraries print on stderr, which Python's own ways do not reach."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

NOTE = b"INFO: "  # how lines begin by which LiteRT tells that all is well
NATIVE = (  # how lines begin that native libraries print beside a stage's own
    "INFO: Created TensorFlow Lite",
    "fully_quantize:",
    "WARNING: All log messages before absl",
)


@contextmanager
def hushed() -> Iterator[None]:
    """Yield, and hold back what native libraries print while they are loaded; show it if loading fails."""
    with _held_back() as (held, stderr):
        try:
            yield
        except BaseException:
            os.write(stderr, _read(held))
            raise


@contextmanager
def without_notes() -> Iterator[None]:
    """Yield, and leave out the notes of native libraries; all else is printed at the end of the block."""
    with _held_back() as (held, stderr):
        try:
            yield
        finally:
            os.write(stderr, b"".join(line for line in _read(held).splitlines(True) if not line.startswith(NOTE)))


@contextmanager
def _held_back() -> Iterator[tuple[IO[bytes], int]]:
    """Send the process's stderr to a file; gives the file, and where stderr went before."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield held, saved
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _read(held: IO[bytes]) -> bytes:
    held.seek(0)
    return held.read()
