"""Prepared samples on their way from the source's order to the order of their digests.

An external bucket sort: each sample is appended to one of 256 files by the first byte of its digest. Later the files
are taken one after the other, and only the index of one file is in memory at a time.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tasks.samples import SPLITS, SplitName

BUCKETS = 256
BUFFER = 1 << 16  # bytes held back per bucket
HEAD = struct.Struct("<16sQQQBHI")  # see :class:`Entry`; lengths of name and content
DECLARED: tuple[SplitName | None, ...] = (None, *SPLITS)


class Entry(NamedTuple):
    """One prepared sample in a bucket. Entries sort by digest, then by name."""

    digest: bytes  # equal for samples that count as equal
    name: str
    label: int  # hash of it
    split_hash: int
    declared: SplitName | None
    check: int  # 64 bits that differ where the contents of equal digests do; 0 where the digest is of the content
    offset: int  # of the content in the bucket
    size: int  # of the content


def pack(
    digest: bytes, split_hash: int, label: int, declared: SplitName | None, name: str, content: bytes, check: int = 0
) -> bytes:
    """Return a sample as it stands in a bucket; its first byte is the number of the bucket.

    Args:
        digest: 16 bytes, by which samples are sorted, equal for those that count as equal.
        split_hash: decides the split, 64 bits.
        label: hash of it, 64 bits.
        declared: the split that the source names; None: none.
        name: where the sample is in the source.
        content: that waits, be it the inputs' bytes or what they will be made of.
        check: 64 bits of the content, where the digest is not of it.
    """
    encoded = name.encode()
    head = HEAD.pack(digest, split_hash, label, check, DECLARED.index(declared), len(encoded), len(content))
    return b"".join((head, encoded, content))


class Bucket:
    """All samples whose digest begins with the same byte.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb")

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def index(self) -> list[Entry]:
        """Return everything but the content, sorted."""
        return sorted(self._entries())

    def contents(self, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Yield the contents of samples.

        Args:
            places: of each its offset and its size.
        """
        for offset, size in places:
            yield os.pread(self.file.fileno(), size, offset)

    def _entries(self) -> Iterator[Entry]:
        offset = self.file.seek(0)
        while head := self.file.read(HEAD.size):
            digest, split_hash, label, check, declared, length, size = HEAD.unpack(head)
            name = self.file.read(length).decode()
            offset += HEAD.size + length
            yield Entry(digest, name, label, split_hash, DECLARED[declared], check, offset, size)
            offset = self.file.seek(offset + size)


class BucketWriter:
    """The buckets, in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / f"{number:02x}" for number in range(BUCKETS)]
        self.closing = ExitStack()
        self.files = [self.closing.enter_context(path.open("wb", buffering=BUFFER)) for path in self.paths]

    def __enter__(self) -> "BucketWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.__exit__(kind, error, trace)

    def add(self, packed: bytes) -> None:
        """Append a sample that :func:`pack` gave.

        Args:
            packed: a sample.
        """
        self.files[packed[0]].write(packed)

    def finish(self) -> list[Path]:
        """Return the files of the buckets in the order of their digests; nothing can be added after this."""
        self.closing.close()
        return self.paths
