"""Make records of what waits in buckets, a chunk at a time, be it in this process or in another one."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.data_loading.bucket_sort import Bucket
from tasks.data_loading.contents import rows_of
from tasks.samples import SplitName
from tasks.tfrecord import Sample, encode, frame
from tasks.workloads.grouping import MakesTargets
from tasks.workloads.protocol import LearnedReader, Reader


class Chunk(NamedTuple):
    """Samples of one bucket and one split, in their order.

    ``places``: offset and size of each in the bucket. ``is_last``: no other chunk is of this bucket.
    """

    path: Path
    split: SplitName
    places: Sequence[tuple[int, int]]
    names: Sequence[str]
    targets: Sequence[float]
    is_last: bool


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
        self._cuts = [(spec.name, end - spec.bytes, end) for spec, end in zip(self._specs, ends, strict=True)]
        self._target = target
        self._made = reader.target if isinstance(reader, MakesTargets) else None

    def __call__(self, chunk: Chunk) -> tuple[Chunk, list[bytes]]:
        """Return a chunk, and the record of each of its samples as it stands in a shard.

        Args:
            chunk: of a bucket.

        Raises:
            DataError: what has learned gives other inputs than it names.
        """
        with Bucket(chunk.path) as bucket:
            contents = bucket.contents(chunk.places)
            samples = zip(self._inputs(contents, len(chunk.places)), chunk.names, chunk.targets, strict=True)
            made = [self._sample(inputs, target, name, made_of) for (inputs, made_of), name, target in samples]
        return chunk, [frame(encode(sample, self._target)) for sample in made]

    def _sample(self, inputs: Mapping[str, bytes], target: float, name: str, made_of: bytes | None) -> Sample:
        """Return a sample; a target that the reader makes is among what it encodes, zeros at its end are left out."""
        if self._made is None:
            return Sample(inputs, target, name, made_of)
        numbers = inputs[self._made.name]
        size = np.dtype(self._made.dtype).itemsize
        kept = -(-len(numbers.rstrip(b"\0")) // size) * size
        rest = {key: content for key, content in inputs.items() if key != self._made.name}
        return Sample(rest, numbers[:kept], name, made_of)

    def _inputs(self, contents: Iterator[bytes], count: int) -> Iterator[tuple[Mapping[str, bytes], bytes | None]]:
        """Yield the bytes of each input by its name, and what they were made of where that was learned."""
        if self._learned is None:
            for content in contents:
                yield {name: content[start:end] for name, start, end in self._cuts}, None
            return
        read = list(contents)
        specs = self._specs if self._made is None else (*self._specs, self._made)
        yield from zip(rows_of(self._learned.encode(read), specs, count), read, strict=True)
