"""The shards of a split: TFRecord files, each closed when it has reached its size."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from tasks.files import sync
from tasks.samples import Part, Shard, SplitName
from tasks.tfrecord import Sample, encode, frame


class ShardWriter:
    """Writes one split.

    Args:
        folder: where the shards go.
        split: gives them their names.
        classes: their names, if targets are the numbers of classes.
        shard_bytes: size at which a shard is closed and the next one begun.
        target: the name of the target.
    """

    def __init__(
        self,
        folder: Path,
        split: SplitName,
        classes: tuple[str, ...],
        shard_bytes: int,
        target: str = "label",
    ) -> None:
        self.folder = folder
        self.split = split
        self.classes = classes
        self.shard_bytes = shard_bytes
        self.target = target
        self.samples = 0
        self.targets: Counter[float] = Counter()  # of classes
        self.shards: list[Shard] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def add(self, sample: Sample) -> None:
        """Append a sample.

        Args:
            sample: with a name, inputs and a target.
        """
        self.add_record(frame(encode(sample, self.target)), sample.target)

    def add_record(self, record: bytes, target: float) -> None:
        """Append a sample that is encoded.

        Args:
            record: as it stands in the file.
            target: of the sample.
        """
        self.add_records(record, [len(record)], [target])

    def add_records(self, records: bytes, sizes: Sequence[int], targets: Sequence[float]) -> None:
        """Append samples that are encoded.

        Args:
            records: as they stand in the file, one behind the other.
            sizes: bytes of each.
            targets: of the samples.
        """
        ends = np.cumsum(np.array(sizes, np.int64))
        begin = first = 0
        while first < len(ends):
            if self._file is None:
                self._path = self.folder / f"{self.split}-{len(self.shards):05}.tfrecord"
                self._file = self._path.open("wb", buffering=1 << 20)
                self._digest = hashlib.sha256()
                self._samples = self._bytes = 0
            # up to the record with which the shard has reached its size
            last = int(np.searchsorted(ends, begin + self.shard_bytes - self._bytes))
            last = min(last + 1, len(ends))
            part = memoryview(records)[begin : ends[last - 1]]
            self._file.write(part)
            self._digest.update(part)
            self._samples += last - first
            self._bytes += len(part)
            if self._bytes >= self.shard_bytes:
                self._close()
            first, begin = last, int(ends[last - 1])
        self.samples += len(ends)
        if self.classes:
            self.targets.update(targets)

    def part(self) -> Part:
        """Return what was written; nothing can be added after this."""
        self._close()
        return Part(
            samples=self.samples,
            per_class={name: self.targets[number] for number, name in enumerate(self.classes)},
            shards=tuple(self.shards),
        )

    def _close(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file = None
        sync(self._path)
        self.shards.append(
            Shard(
                file=self._path.name,
                samples=self._samples,
                bytes=self._bytes,
                sha256=self._digest.hexdigest(),
            )
        )
