"""Write buckets to the shards of the splits, in the order of digests; equal samples never in two splits."""

import hashlib
import struct
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from itertools import accumulate, groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from tasks.config import Data
from tasks.data_loading.bucket_sort import Bucket, Entry
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.shards import ShardWriter
from tasks.data_loading.splitting import assign
from tasks.samples import SPLITS, TEST_HASHES, VALIDATION_HASHES, Part, Specs, SplitName
from tasks.tfrecord import Sample

Assigned = tuple[SplitName, Entry]


class Labelling(NamedTuple):
    """The targets that the labels of a source stand for.

    ``classes``: their names in the order of their numbers; none where targets are other numbers. ``labels``: by the
    number in which they turned up. ``targets``: the same. ``target``: the name of the target.
    """

    classes: tuple[str, ...]
    labels: Mapping[int, str]
    targets: Mapping[int, float]
    target: str


def write_splits(
    buckets: Iterable[Bucket],
    folder: Path,
    data: Data,
    inputs: Specs,
    labelling: Labelling,
    declared: Collection[SplitName],
    summary: LoadSummary,
) -> tuple[dict[SplitName, Part], str]:
    """Write all samples to the shards of their splits, and beside them what the ledger knows the test samples by.

    Args:
        buckets: the samples.
        folder: where the shards go.
        data: the part of params.yaml.
        inputs: of every sample.
        labelling: what their labels stand for.
        declared: the splits that the source declares.
        summary: is told what is kept out, repeated or contradicting.

    Returns:
        the parts, and a digest of all samples read: inputs, class and split, whatever their order and packing.
    """
    digest, cuts = hashlib.sha256(), _cuts(inputs)
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
            for _, group in groupby(bucket.index(), attrgetter("digest")):
                assigned = [(assign(entry.split_hash, entry.declared, declared, data.split), entry) for entry in group]
                for split, entry in _keep_apart(assigned, summary):
                    target = labelling.targets[entry.class_number]
                    content = bucket.content(entry)
                    parts = {name: content[start:end] for name, start, end in cuts}
                    writers[split].add(Sample(parts, target, entry.name))
                    if split in hashes:
                        hashes[split].write(struct.pack("<Q", entry.split_hash))
                for split, entry in assigned:
                    digest.update(entry.digest + f"{labelling.labels[entry.class_number]}\n{split}\n".encode())
        return {split: writer.part() for split, writer in writers.items()}, digest.hexdigest()


def _cuts(inputs: Specs) -> list[tuple[str, int, int]]:
    """Return where in a sample's bytes those of each input begin and end."""
    ends = list(accumulate(spec.bytes for spec in inputs))
    return [(spec.name, end - spec.bytes, end) for spec, end in zip(inputs, ends, strict=True)]


def _keep_apart(assigned: list[Assigned], summary: LoadSummary) -> list[Assigned]:
    """Keep of equal samples those of the strictest split: test before validation before train."""
    if len(assigned) == 1:
        return assigned
    strictest = max((split for split, _ in assigned), key=SPLITS.index)
    kept = [(split, entry) for split, entry in assigned if split == strictest]
    summary.repeated += len(kept) - 1
    for split, entry in assigned:
        if split != strictest:
            summary.kept_out.add(entry.name, f"kept out of {split}: equal to {kept[0][1].name} in {strictest}")
    first = assigned[0][1]
    other = next((entry for _, entry in assigned if entry.class_number != first.class_number), None)
    if other:
        summary.contradict(first.name, other.name)
    return kept
