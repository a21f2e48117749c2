"""Files that are either whole or not there, and what identifies them."""

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.text import SURROGATES, escaped

CHUNK = 1 << 20  # bytes read at a time

FULL = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: OSError) -> bool:
    """Return whether a disk, or a person's share of it, has no room.

    Args:
        error: of a write.
    """
    return error.errno in FULL


def no_room(error: OSError) -> str:
    """Return the sentence about a disk that has no room.

    Args:
        error: for which :func:`is_full` holds.
    """
    return (
        f"Expected room on the disk of {error.filename or Path.cwd()}. Received: {error.strerror}. "
        f"Make room; what is finished is kept, and the next run goes on from there."
    )


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it there when the block ends well, remove it otherwise.

    The content is flushed to the disk before the move, so that a file that is there is whole even after a
    power cut.

    Args:
        path: what is there is replaced, and folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk.

    Args:
        path: of a file that is closed, or of a folder whose entries have changed.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that readers see the old file or the new one, never a part.

    Args:
        path: folders above it are made.
        content: all of the new file.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` atomically.

    Args:
        path: folders above it are made.
        text: all of the new file.
    """
    write_bytes(path, text.encode())


def to_json(value: Any) -> str:
    """Return JSON as slimline writes it: in the writer's order, two spaces, one newline at the end.

    Bytes of a name that were no UTF-8 are shown as :mod:`tasks.text` does: JSON cannot hold them.

    Args:
        value: made of mappings, lists, texts, numbers, booleans and None.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return SURROGATES.sub(lambda found: f"\\{escaped(found[0])}", text) + "\n"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits.

    Args:
        path: of the file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
