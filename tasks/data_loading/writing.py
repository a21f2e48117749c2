"""Write buckets to the shards of the splits, in the order of digests; equal samples never in two splits."""

import hashlib
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from tasks.config import Data, Split
from tasks.data_loading.bucket_sort import Bucket, Entry
from tasks.data_loading.contents import ContentOf
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.shards import ShardWriter
from tasks.data_loading.splitting import assign
from tasks.samples import SPLITS, TEST_HASHES, VALIDATION_HASHES, Part, SplitName
from tasks.tfrecord import Sample

Assigned = tuple[SplitName, Entry]


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
    buckets: Iterable[Bucket],
    folder: Path,
    data: Data,
    content: ContentOf,
    labelling: Labelling,
    declared: Collection[SplitName],
    summary: LoadSummary,
) -> tuple[dict[SplitName, Part], str]:
    """Write all samples to the shards of their splits, and beside them what the ledger knows the test samples by.

    Args:
        buckets: the samples.
        folder: where the shards go.
        data: the part of params.yaml.
        content: makes the inputs of samples.
        labelling: what their labels stand for.
        declared: the splits that the source declares.
        summary: is told what is kept out, repeated or contradicting.

    Returns:
        the parts, and a digest of all samples read: inputs, class and split, whatever their order and packing.
    """
    digest = hashlib.sha256()
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                ShardWriter(folder, split, labelling.classes, data.shard_bytes, labelling.target)
            )
            for split in SPLITS
        }
        hashes = {
            split: stack.enter_context((folder / name).open("wb"))
            for split, name in (("test", TEST_HASHES), ("validation", VALIDATION_HASHES))
        }
        for bucket in buckets:
            kept: list[Assigned] = []
            for assigned in assignments(bucket, declared, data.split):
                kept += keep_apart(assigned, summary)
                for split, entry in assigned:
                    said = f"{labelling.labels[entry.label]}\n{split}\n".encode()
                    digest.update(content.digest(entry, bucket) + said)
            parts = content.parts(bucket, [entry for _, entry in kept])
            for (split, entry), (inputs, made_of) in zip(kept, parts, strict=True):
                kept_content = None if split == "train" else made_of  # others may be asked about it
                writers[split].add(Sample(inputs, labelling.targets[entry.label], entry.name, kept_content))
                if split in hashes:
                    hashes[split].write(struct.pack("<Q", entry.split_hash))
        return {split: writer.part() for split, writer in writers.items()}, digest.hexdigest()


def assignments(bucket: Bucket, declared: Collection[SplitName], split: Split) -> Iterator[list[Assigned]]:
    """Yield the samples of a bucket that count as equal, each with its split.

    Args:
        bucket: of samples.
        declared: the splits that the source declares.
        split: the fractions wanted.
    """
    for _, group in groupby(bucket.index(), attrgetter("digest")):
        yield [(assign(entry.split_hash, entry.declared, declared, split), entry) for entry in group]


def strictest_of(assigned: list[Assigned]) -> list[Assigned]:
    """Return of equal samples those of the strictest split: test before validation before train."""
    if len(assigned) == 1:
        return assigned
    strictest = max((split for split, _ in assigned), key=SPLITS.index)
    return [(split, entry) for split, entry in assigned if split == strictest]


def keep_apart(assigned: list[Assigned], summary: LoadSummary) -> list[Assigned]:
    """Keep of equal samples those of the strictest split, and tell of the others.

    Args:
        assigned: samples that count as equal.
        summary: is told what is kept out, repeated or contradicting.
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
