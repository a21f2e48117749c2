"""Make records of what waits in buckets, a chunk at a time, be it in this process or in another one."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from tasks.data_loading.bucket_sort import Bucket, Offsets, Rows
from tasks.data_loading.contents import rows_of
from tasks.framing import Framer
from tasks.samples import SplitName
from tasks.workloads.protocol import LearnedReader, Reader


class Chunk(NamedTuple):
    """Samples of one bucket and one split, in their order.

    ``rows`` and ``offsets``: of the bucket's index. ``is_last``: no other chunk is of this bucket.
    """

    path: Path
    split: SplitName
    rows: Rows
    offsets: Offsets
    targets: Sequence[float]
    is_last: bool


class Encoded(NamedTuple):
    """Records as they stand in a shard, one behind the other, and the bytes of each.

    ``done``: the file of a bucket that is not needed any more.
    """

    records: bytes
    sizes: Sequence[int]
    split: SplitName
    targets: Sequence[float]
    done: Path | None


class Encoder:
    """Makes records of samples.

    Args:
        reader: of the samples; one that has learned encodes them now.
        target: the name of the target.
    """

    def __init__(self, reader: Reader | LearnedReader, target: str) -> None:
        self._specs = reader.inputs
        self._learned = reader if isinstance(reader, LearnedReader) else None
        ends = list(accumulate(spec.bytes for spec in self._specs))
        self._cuts = [(end - spec.bytes, end) for spec, end in zip(self._specs, ends, strict=True)]
        self._framer = Framer([spec.name for spec in self._specs], target, contents=self._learned is not None)

    def __call__(self, chunk: Chunk) -> Encoded:
        """Return the records of the samples of a chunk.

        Args:
            chunk: of a bucket.

        Raises:
            DataError: what has learned gives other inputs than it names.
        """
        with Bucket(chunk.path) as bucket:
            names, contents = bucket.names(chunk.rows, chunk.offsets), bucket.contents(chunk.rows, chunk.offsets)
            values = self._values(contents, names)
            records = self._framer.frame(zip(values, chunk.targets, strict=True))
        done = chunk.path if chunk.is_last else None
        return Encoded(b"".join(records), list(map(len, records)), chunk.split, chunk.targets, done)

    def _values(self, contents: Iterator[bytes], names: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Yield the bytes of each input, the name, and what inputs were made of where that was learned."""
        if self._learned is None:
            for content, name in zip(contents, names, strict=True):
                yield (*(content[start:end] for start, end in self._cuts), name)
            return
        read = list(contents)
        inputs = rows_of(self._learned.encode(read), self._specs, len(names))
        yield from zip(*inputs, names, read, strict=True)
