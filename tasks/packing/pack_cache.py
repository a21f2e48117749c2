"""Containers that were made before, kept by the digest of their file.

Compression, evaluation and release ask for the container of the same file one after the other, each in a process of
its own, and the entropy coder takes its time. ::

    .slimline/packed/<SHA-256 of the .tflite>.<digest of the coder>     CRC-32 of the container (4 bytes), the container

The coder's digest is over its own source and the libraries that decide about its bytes: another coder finds nothing.
"""

import functools
import hashlib
import zlib
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from tasks.files import write_bytes
from tasks.packing.container import pack

FOLDER = Path(".slimline/packed")
LIBRARIES = ("numpy", "backports.zstd", "ai-edge-litert")
MOST = 64  # files that are kept, the newest
CHECK = 4  # bytes


def packed(content: bytes, folder: Path = FOLDER) -> bytes:
    """Return the smallest container of a ``.tflite``, see :func:`tasks.packing.container.pack`; each is made once.

    Args:
        content: the file.
        folder: where containers are kept.

    Raises:
        PackingError: it is not a LiteRT flatbuffer.
    """
    path = folder / f"{hashlib.sha256(content).hexdigest()}.{coder_digest()[:16]}"
    with suppress(OSError):
        kept = path.read_bytes()
        if _check(kept[CHECK:]) == kept[:CHECK]:
            return kept[CHECK:]
    container = pack(content)
    with suppress(OSError):  # a disk that is full or may only be read: it is made again the next time
        write_bytes(path, _check(container) + container)
        _keep_newest(folder)
    return container


@functools.cache
def coder_digest() -> str:
    """Return a digest of what decides about a container's bytes beside the file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    digest.update(repr([version(name) for name in LIBRARIES]).encode())
    return digest.hexdigest()


def _check(container: bytes) -> bytes:
    return zlib.crc32(container).to_bytes(CHECK, "big")


def _keep_newest(folder: Path) -> None:
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[MOST:]:
        path.unlink(missing_ok=True)
