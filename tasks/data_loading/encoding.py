"""Make records of what waits in buckets, a chunk at a time, be it in this process or in another one."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.data_loading.bucket_sort import Bucket, Offsets, Rows
from tasks.data_loading.contents import rows_of
from tasks.samples import SplitName
from tasks.tfrecord import Sample, encode, frame
from tasks.workloads.grouping import MakesTargets
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
        target: the name of the target, where the reader makes none of its own.
    """

    def __init__(self, reader: Reader | LearnedReader, target: str) -> None:
        self._specs = reader.inputs
        self._learned = reader if isinstance(reader, LearnedReader) else None
        ends = list(accumulate(spec.bytes for spec in self._specs))
        self._cuts = [(end - spec.bytes, end) for spec, end in zip(self._specs, ends, strict=True)]
        self._made = reader.target if isinstance(reader, MakesTargets) else None
        self._inputs = [spec.name for spec in self._specs]
        self._target = target if self._made is None else self._made.name

    def __call__(self, chunk: Chunk) -> Encoded:
        """Return the records of the samples of a chunk.

        Args:
            chunk: of a bucket.

        Raises:
            DataError: what has learned gives other inputs than it names.
        """
        with Bucket(chunk.path) as bucket:
            names, contents = bucket.names(chunk.rows, chunk.offsets), bucket.contents(chunk.rows, chunk.offsets)
            values, targets = self._values(contents, names, chunk.targets)
            records = [self._record(*each, target) for each, target in zip(values, targets, strict=True)]
        done = chunk.path if chunk.is_last else None
        return Encoded(b"".join(records), list(map(len, records)), chunk.split, chunk.targets, done)

    def _record(self, inputs: Sequence[bytes], name: bytes, content: bytes | None, target: float | bytes) -> bytes:
        sample = Sample(dict(zip(self._inputs, inputs, strict=True)), target, name.decode(), content)
        return frame(encode(sample, self._target))

    def _values(
        self, contents: Iterator[bytes], names: Sequence[bytes], targets: Sequence[float]
    ) -> tuple[Iterable[tuple[Sequence[bytes], bytes, bytes | None]], Sequence[float | bytes]]:
        """Return the bytes of the inputs, the name, and what inputs were made of where that was learned; and targets.

        Of targets that the reader makes, zeros at the end are left out.
        """
        if self._learned is None:
            cut = (
                ([content[start:end] for start, end in self._cuts], name, None)
                for content, name in zip(contents, names, strict=True)
            )
            return cut, targets
        read = list(contents)
        specs = self._specs if self._made is None else (*self._specs, self._made)
        columns = rows_of(self._learned.encode(read), specs, len(names))
        if self._made is None:
            return zip(zip(*columns, strict=True), names, read, strict=True), targets
        *inputs, made = columns
        size = np.dtype(self._made.dtype).itemsize
        kept = [numbers[: -(-len(numbers.rstrip(b"\0")) // size) * size] for numbers in made]
        return zip(zip(*inputs, strict=True), names, read, strict=True), kept
