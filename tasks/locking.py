"""One at a time, across threads, processes and kills."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Yield while the lock file ``path`` is this process's alone; it is let go at the end, also by the process's death.

    The holder may remove the file: who waited for the removed one waits again for the one that is there then.

    Args:
        path: folders above it are made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), path):
                yield
                return


@contextlib.contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Yield whether nobody had the lock file ``path``, and hold it until the block ends; then it is removed.

    Args:
        path: folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if not _is_at(file.fileno(), path):  # its holder has just removed it
            yield False
            return
        yield True
        path.unlink(missing_ok=True)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
