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
HEAD = struct.Struct("<16sQIBH")  # digest, split hash, class number, declared split, length of the name
DECLARED: tuple[SplitName | None, ...] = (None, *SPLITS)


class Entry(NamedTuple):
    """One prepared sample in a bucket. Entries sort by digest, then by name."""

    digest: bytes  # of the content
    name: str
    class_number: int  # in the order in which classes turned up
    split_hash: int
    declared: SplitName | None
    offset: int  # of the content in the bucket


def pack(
    digest: bytes, split_hash: int, class_number: int, declared: SplitName | None, name: str, content: bytes
) -> bytes:
    """Return a sample as it stands in a bucket; its first byte is the number of the bucket.

    Args:
        digest: of the inputs and the class, by which samples are sorted.
        split_hash: decides the split, 64 bits.
        class_number: of the label, in the order in which labels turned up.
        declared: the split that the source names; None: none.
        name: where the sample is in the source.
        content: the inputs' bytes, see :func:`tasks.data_loading.contents.content_of`.
    """
    encoded = name.encode()
    head = HEAD.pack(digest, split_hash, class_number, DECLARED.index(declared), len(encoded))
    return b"".join((head, encoded, content))


class Bucket:
    """All samples whose digest begins with the same byte.

    Args:
        path: the file.
        sample_bytes: bytes of a prepared sample.
    """

    def __init__(self, path: Path, sample_bytes: int) -> None:
        self.file = path.open("rb")
        self.sample_bytes = sample_bytes

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def index(self) -> list[Entry]:
        """Return everything but the content, sorted."""
        return sorted(self._entries())

    def content(self, entry: Entry) -> bytes:
        """Return the inputs of one sample.

        Args:
            entry: of this bucket.
        """
        return os.pread(self.file.fileno(), self.sample_bytes, entry.offset)

    def _entries(self) -> Iterator[Entry]:
        while head := self.file.read(HEAD.size):
            digest, split_hash, class_number, declared, length = HEAD.unpack(head)
            name = self.file.read(length).decode()
            offset = self.file.tell()
            self.file.seek(self.sample_bytes, os.SEEK_CUR)
            yield Entry(digest, name, class_number, split_hash, DECLARED[declared], offset)


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

    def buckets(self, sample_bytes: int) -> Iterator[Bucket]:
        """Yield the buckets in the order of their digests; nothing can be added after this.

        Args:
            sample_bytes: of one sample's inputs.
        """
        self.closing.close()
        for path in self.paths:
            with Bucket(path, sample_bytes) as bucket:
                yield bucket
            path.unlink()
