"""Prepared samples on their way from the source's order to the order of their digests.

An external bucket sort: each sample is appended to one of 256 files by the first byte of its digest. Later the files
are taken one after the other, and only the index of one file is in memory at a time.

A file is a row of blocks: how many samples there are and how many bytes they have, what is known of each (:data:`HEAD`,
of one size, so that NumPy reads it as an array), and then of each its name and its content.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tasks.samples import SPLITS, SplitName

BUCKETS = 256
BUFFER = 1 << 16  # bytes held back per bucket
WHOLE = 16 << 20  # bytes of a bucket that is read at once where its contents are wanted
BLOCK = struct.Struct("<IQ")
HEAD = struct.Struct("<16sQQQBHI")  # see :data:`ROW`
DECLARED: tuple[SplitName | None, ...] = (None, *SPLITS)
PLACES = {split: place for place, split in enumerate(DECLARED)}

# ``digest``: as two numbers, by which samples are sorted, equal for those that count as equal. ``split_hash``: decides
# the split. ``label``: hash of it. ``check``: differs where the contents of equal digests do; 0 where the digest is of
# the content. ``declared``: the split that the source names, its place in DECLARED. ``name``, ``size``: bytes of the
# name and of the content.
ROW = np.dtype(
    [
        ("digest", ">u8", 2),
        ("split_hash", "<u8"),
        ("label", "<u8"),
        ("check", "<u8"),
        ("declared", "u1"),
        ("name", "<u2"),
        ("size", "<u4"),
    ]
)
Rows = NDArray[Any]
Offsets = NDArray[np.int64]


def pack(
    digest: bytes, split_hash: int, label: int, declared: SplitName | None, name: str, content: bytes, check: int = 0
) -> bytes:
    """Return a sample as it goes into a bucket; its first byte is the number of the bucket.

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
    head = HEAD.pack(digest, split_hash, label, check, PLACES[declared], len(encoded), len(content))
    return head + encoded + content


class Bucket:
    """All samples whose digest begins with the same byte.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb")
        self._whole: bytes | None = None

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def index(self) -> tuple[Rows, Offsets]:
        """Return everything but names and contents, sorted by digest, then by name: as :data:`ROW` has it, ``[n]``.

        Returns:
            the rows, and where the name of each begins in the file.
        """
        parts, places = [np.empty(0, ROW)], [np.empty(0, np.int64)]
        start = self.file.seek(0)
        while head := self.file.read(BLOCK.size):
            count, size = BLOCK.unpack(head)
            rows = np.frombuffer(self.file.read(count * ROW.itemsize), ROW)
            start += BLOCK.size + count * ROW.itemsize
            ends = np.cumsum(rows["name"].astype(np.int64) + rows["size"])
            parts.append(rows)
            places.append(start + np.concatenate([[0], ends[:-1]]))
            start = self.file.seek(start + size)
        rows, offsets = np.concatenate(parts, dtype=ROW), np.concatenate(places)
        order = np.lexsort((rows["digest"][:, 1], rows["digest"][:, 0]))
        order = self._by_name(rows, offsets, order)
        return rows[order], offsets[order]

    def names(self, rows: Rows, offsets: Offsets) -> list[bytes]:
        """Return the names of samples in UTF-8, which sorts as their characters do.

        Args:
            rows: of the index.
            offsets: of these.
        """
        return list(self._pieces(offsets, rows["name"]))

    def contents(self, rows: Rows, offsets: Offsets) -> Iterator[bytes]:
        """Yield the contents of samples.

        Args:
            rows: of the index.
            offsets: of these.
        """
        return self._pieces(offsets + rows["name"], rows["size"])

    def _pieces(self, starts: Offsets, sizes: NDArray[Any]) -> Iterator[bytes]:
        if self._whole is None and len(starts) > 1 and os.fstat(self.file.fileno()).st_size <= WHOLE:
            self._whole = os.pread(self.file.fileno(), WHOLE, 0)
        if (whole := self._whole) is not None:
            ends = starts + sizes
            return (whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
        handle = self.file.fileno()
        return starmap(
            lambda start, size: os.pread(handle, size, start), zip(starts.tolist(), sizes.tolist(), strict=True)
        )

    def _by_name(self, rows: Rows, offsets: Offsets, order: NDArray[Any]) -> NDArray[Any]:
        """Put those that count as equal into the order of their names, so that nothing depends on the source's."""
        for start, end in equal_runs(rows[order]):
            places = order[start:end]
            keys = zip(self.names(rows[places], offsets[places]), rows[places][LAST].tolist(), strict=True)
            found = sorted(zip(keys, places.tolist(), strict=True))
            order[start:end] = [place for _, place in found]
        return order


LAST = ["label", "split_hash", "declared", "check"]  # they decide where even names are equal


def equal_runs(rows: Rows) -> list[tuple[int, int]]:
    """Return where samples that count as equal stand, two or more of them: the first, and the one behind the last.

    Args:
        rows: sorted by digest.
    """
    digests = rows["digest"]
    same = np.concatenate([[False], (digests[1:] == digests[:-1]).all(axis=1), [False]]) if len(rows) else [False]
    edges = np.flatnonzero(np.diff(np.asarray(same, np.int8)))
    return [(int(first), int(last) + 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]


class BucketWriter:
    """The buckets, in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / f"{number:02x}" for number in range(BUCKETS)]
        self.closing = ExitStack()
        self.files: list[IO[bytes]] = [self.closing.enter_context(path.open("wb", buffering=0)) for path in self.paths]
        self._waiting: list[list[bytes]] = [[] for _ in range(BUCKETS)]
        self._sizes = [0] * BUCKETS
        self._ended = False

    def __enter__(self) -> "BucketWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.__exit__(kind, error, trace)

    def add(self, packed: Iterable[bytes]) -> None:
        """Append samples that :func:`pack` gave.

        Args:
            packed: samples of one batch.
        """
        waiting, sizes = self._waiting, self._sizes
        for each in packed:
            bucket = each[0]
            waiting[bucket].append(each)
            sizes[bucket] += len(each)
        for bucket, size in enumerate(sizes):
            if size >= BUFFER:
                self._write(bucket)

    def finish(self) -> list[Path]:
        """Return the files of the buckets in the order of their digests; nothing can be added after this."""
        if not self._ended:
            self._ended = True
            for bucket, waiting in enumerate(self._waiting):
                if waiting:
                    self._write(bucket)
            self.closing.close()
        return self.paths

    def _write(self, bucket: int) -> None:
        waiting, head = self._waiting[bucket], HEAD.size
        size = self._sizes[bucket] - len(waiting) * head
        heads, bodies = [each[:head] for each in waiting], [each[head:] for each in waiting]
        block = memoryview(b"".join((BLOCK.pack(len(waiting), size), *heads, *bodies)))
        while block:  # an unbuffered file may take less at a time
            block = block[self.files[bucket].write(block) :]
        self._waiting[bucket], self._sizes[bucket] = [], 0
