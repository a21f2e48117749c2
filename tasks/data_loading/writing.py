"""Write buckets to the shards of the splits, in the order of digests; equal samples never in two splits."""

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from tasks.config import Data
from tasks.data_loading.bucket_sort import Bucket, Entry
from tasks.data_loading.encoding import Chunk, Encoder
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.shards import ShardWriter
from tasks.data_loading.strata import Splitter
from tasks.data_loading.workers import Workers
from tasks.samples import SPLITS, TEST_HASHES, VALIDATION_HASHES, Part, SplitName

Assigned = tuple[SplitName, Entry]
CHUNK_SAMPLES, CHUNK_BYTES = 1024, 4 << 20
NOTED: dict[SplitName, str] = {"test": TEST_HASHES, "validation": VALIDATION_HASHES}
MUCH = 8 << 20  # bytes in the buckets; with less to do, processes would take longer to start


class Labelling(NamedTuple):
    """The targets that the labels of a source stand for.

    ``classes``: their names in the order of their numbers; none where targets are other numbers. ``labels``: by their
    hashes. ``targets``: the same. ``target``: the name of the target.
    """

    classes: tuple[str, ...]
    labels: Mapping[int, str]
    targets: Mapping[int, float]
    target: str


def write_splits(
    buckets: Sequence[Path],
    folder: Path,
    data: Data,
    encoder: Encoder,
    labelling: Labelling,
    splitter: Splitter,
    summary: LoadSummary,
    workers: Workers,
) -> tuple[dict[SplitName, Part], str]:
    """Write all samples to the shards of their splits, and beside them what the ledger knows the test samples by.

    Args:
        buckets: files of the samples; they are removed.
        folder: where the shards go.
        data: the part of params.yaml.
        encoder: makes records of samples.
        labelling: what their labels stand for.
        splitter: tells their splits.
        summary: is told what is kept out, repeated or contradicting.
        workers: encode, where there is much to do.

    Returns:
        the parts, and a digest of all samples read: inputs, class and split, whatever their order and packing.
    """
    digest, about = hashlib.sha256(), (labelling.classes, data.shard_bytes, labelling.target)
    with ExitStack() as stack:
        writers = {split: stack.enter_context(ShardWriter(folder, split, *about)) for split in SPLITS}
        hashes: dict[SplitName, IO[bytes]] = {
            split: stack.enter_context((folder / name).open("wb")) for split, name in NOTED.items()
        }

        def chunks() -> Iterator[Chunk]:
            for path in buckets:
                kept: dict[SplitName, list[Entry]] = {split: [] for split in SPLITS}
                for assigned in _groups(path, splitter):
                    for split, entry in assigned:
                        digest.update(_said(entry, labelling.labels[entry.label], split))
                    for split, entry in keep_apart(assigned, summary):
                        kept[split].append(entry)
                for name, file in hashes.items():
                    file.write(np.array([entry.split_hash for entry in kept[name]], "<u8").tobytes())
                yield from _chunks(path, kept, labelling)

        much = sum(path.stat().st_size for path in buckets) > MUCH
        for chunk, records in workers.in_order(encoder, chunks()) if much else map(encoder, chunks()):
            for record, target in zip(records, chunk.targets, strict=True):
                writers[chunk.split].add_record(record, target)
            if chunk.is_last:
                chunk.path.unlink()
        return {split: writer.part() for split, writer in writers.items()}, digest.hexdigest()


def _groups(path: Path, splitter: Splitter) -> Iterator[list[Assigned]]:
    with Bucket(path) as bucket:
        yield from assignments(bucket, splitter)


def _said(entry: Entry, label: str, split: SplitName) -> bytes:
    """Return what the digest of the source is made of: the content, the label and the split of a sample."""
    check = struct.pack("<Q", entry.check) if entry.check else b""
    return b"".join((entry.digest, check, f"{label}\n{split}\n".encode()))


def _chunks(path: Path, kept: Mapping[SplitName, Sequence[Entry]], labelling: Labelling) -> Iterator[Chunk]:
    """Cut the samples of a bucket into chunks that take a bounded memory."""
    cut = [(split, entries) for split, found in kept.items() for entries in _cut(found)]
    for number, (split, entries) in enumerate(cut, start=1):
        yield Chunk(
            path=path,
            split=split,
            places=[(entry.offset, entry.size) for entry in entries],
            names=[entry.name for entry in entries],
            targets=[labelling.targets[entry.label] for entry in entries],
            is_last=number == len(cut),
        )
    if not cut:
        path.unlink()


def _cut(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    start = size = 0
    for end, entry in enumerate(entries, start=1):
        size += entry.size
        if size >= CHUNK_BYTES or end - start >= CHUNK_SAMPLES:
            yield entries[start:end]
            start, size = end, 0
    if start < len(entries):
        yield entries[start:]


def assignments(bucket: Bucket, splitter: Splitter) -> Iterator[list[Assigned]]:
    """Yield the samples of a bucket that count as equal, each with its split.

    Args:
        bucket: of samples.
        splitter: tells their splits.
    """
    for _, group in groupby(bucket.index(), attrgetter("digest")):
        yield [(splitter.split_of(entry.split_hash, entry.declared), entry) for entry in group]


def strictest_of(assigned: list[Assigned]) -> list[Assigned]:
    """Return of equal samples those of the strictest split: test before validation before train.

    Args:
        assigned: samples that count as equal.
    """
    if len(assigned) == 1:
        return assigned
    strictest = max((split for split, _ in assigned), key=SPLITS.index)
    return [(split, entry) for split, entry in assigned if split == strictest]


def keep_apart(assigned: list[Assigned], summary: LoadSummary) -> list[Assigned]:
    """Keep of equal samples those of the strictest split, and tell of the others.

    Args:
        assigned: samples that count as equal.
        summary: is told what is kept out, repeated or contradicting.

    Returns:
        those that are kept.
    """
    kept = strictest_of(assigned)
    if len(assigned) == 1:
        return kept
    strictest = kept[0][0]
    summary.repeated += len(kept) - 1
    for split, entry in assigned:
        if split != strictest:
            summary.kept_out.add(entry.name, f"kept out of {split}: equal to {kept[0][1].name} in {strictest}")
    first = assigned[0][1]
    other = next((entry for _, entry in assigned if entry.label != first.label), None)
    if other:
        summary.contradict(first.name, other.name)
    return kept
