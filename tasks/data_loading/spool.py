"""Prepared samples on their way from the source's order to the order of their digests.

An external bucket sort: each sample is appended to one of 256 files by the first byte of its digest. Later the files
are taken one after the other, and only the index of one file is in memory at a time.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tasks.samples import SPLITS, SplitName

BUCKETS = 256
BUFFER = 1 << 16  # bytes held back per bucket
HEAD = struct.Struct("<16sQIBH")  # digest, place, class number, declared split, length of the name
DECLARED: tuple[SplitName | None, ...] = (None, *SPLITS)


class Entry(NamedTuple):
    """One prepared sample in a bucket. Entries sort by digest, then by name."""

    digest: bytes  # of the prepared pixels
    name: str
    class_number: int  # in the order in which classes turned up
    place: int
    declared: SplitName | None
    offset: int  # of the pixels in the bucket


def pack(digest: bytes, place: int, class_number: int, declared: SplitName | None, name: str, pixels: bytes) -> bytes:
    """A sample as it stands in a bucket; its first byte is the number of the bucket."""
    encoded = name.encode()
    head = HEAD.pack(digest, place, class_number, DECLARED.index(declared), len(encoded))
    return b"".join((head, encoded, pixels))


class Bucket:
    """All samples whose digest begins with the same byte.

    Args:
        path: the file.
        pixel_bytes: bytes of a prepared image.
    """

    def __init__(self, path: Path, pixel_bytes: int) -> None:
        self.file = path.open("rb")
        self.pixel_bytes = pixel_bytes

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def index(self) -> list[Entry]:
        """Everything but the pixels, sorted."""
        return sorted(self._entries())

    def pixels(self, entry: Entry) -> bytes:
        """The pixels of one sample."""
        return os.pread(self.file.fileno(), self.pixel_bytes, entry.offset)

    def _entries(self) -> Iterator[Entry]:
        while head := self.file.read(HEAD.size):
            digest, place, class_number, declared, length = HEAD.unpack(head)
            name = self.file.read(length).decode()
            offset = self.file.tell()
            self.file.seek(self.pixel_bytes, os.SEEK_CUR)
            yield Entry(digest, name, class_number, place, DECLARED[declared], offset)


class Spool:
    """The buckets, in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / f"{number:02x}" for number in range(BUCKETS)]
        self.closing = ExitStack()
        self.files = [self.closing.enter_context(path.open("wb", buffering=BUFFER)) for path in self.paths]

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.__exit__(kind, error, trace)

    def add(self, packed: bytes) -> None:
        """Append a sample that :func:`pack` gave."""
        self.files[packed[0]].write(packed)

    def buckets(self, pixel_bytes: int) -> Iterator[Bucket]:
        """The buckets in the order of their digests; nothing can be added after this."""
        self.closing.close()
        for path in self.paths:
            with Bucket(path, pixel_bytes) as bucket:
                yield bucket
            path.unlink()
