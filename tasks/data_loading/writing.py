"""Write buckets to the shards of the splits, in the order of digests; equal samples never in two splits."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.config import Data
from tasks.data_loading.assigning import Assigned, assign, tell_apart
from tasks.data_loading.bucket_sort import Bucket
from tasks.data_loading.encoding import Chunk, Encoder
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.shards import ShardWriter
from tasks.data_loading.strata import Splitter
from tasks.data_loading.workers import Workers
from tasks.samples import SPLITS, TEST_HASHES, VALIDATION_HASHES, Part, SplitName

CHUNK_SAMPLES, CHUNK_BYTES = 4096, 4 << 20
Indices = NDArray[np.intp]
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
                with Bucket(path) as bucket:
                    assigned = assign(bucket, splitter)
                    tell_apart(bucket, assigned, summary)
                digest.update(_said(assigned, labelling.labels))
                for name, file in hashes.items():
                    file.write(assigned.rows["split_hash"][_of(assigned, name)].tobytes())
                yield from _chunks(path, assigned, labelling)

        much = sum(path.stat().st_size for path in buckets) > MUCH
        for encoded in workers.in_order(encoder, chunks()) if much else map(encoder, chunks()):
            writers[encoded.split].add_records(encoded.records, encoded.sizes, encoded.targets)
            if encoded.done:
                encoded.done.unlink()
        return {split: writer.part() for split, writer in writers.items()}, digest.hexdigest()


def _of(assigned: Assigned, split: SplitName) -> NDArray[np.bool_]:
    """Return which samples are used in a split."""
    return np.asarray(assigned.kept & (assigned.splits == SPLITS.index(split)))


def _said(assigned: Assigned, labels: Mapping[int, str]) -> bytes:
    """Return what the digest of the source is made of: the content, the label and the split of each sample."""
    rows = assigned.rows
    known, which = np.unique(rows["label"], return_inverse=True)
    endings = [f"{labels[label]}\n{split}\n".encode() for label in known.tolist() for split in SPLITS]
    ends = [endings[number] for number in (which * len(SPLITS) + assigned.splits).tolist()]
    content = np.ascontiguousarray(rows["digest"]).tobytes()
    checks = np.ascontiguousarray(rows["check"]).tobytes()
    parts = (
        (content[16 * number : 16 * number + 16], checks[8 * number : 8 * number + 8] if check else b"", end)
        for number, (check, end) in enumerate(zip((rows["check"] != 0).tolist(), ends, strict=True))
    )
    return b"".join(chain.from_iterable(parts))


def _chunks(path: Path, assigned: Assigned, labelling: Labelling) -> Iterator[Chunk]:
    """Cut the samples of a bucket into chunks that take a bounded memory."""
    cut = [(split, indices) for split in SPLITS for indices in _cut(np.flatnonzero(_of(assigned, split)), assigned)]
    for number, (split, indices) in enumerate(cut, start=1):
        rows = assigned.rows[indices]
        yield Chunk(
            path=path,
            split=split,
            rows=rows,
            offsets=assigned.offsets[indices],
            targets=[labelling.targets[label] for label in rows["label"].tolist()],
            is_last=number == len(cut),
        )
    if not cut:
        path.unlink()


def _cut(indices: Indices, assigned: Assigned) -> Iterator[Indices]:
    sizes = assigned.rows["size"][indices].tolist()
    start = size = 0
    for end, each in enumerate(sizes, start=1):
        size += each
        if size >= CHUNK_BYTES or end - start >= CHUNK_SAMPLES:
            yield indices[start:end]
            start, size = end, 0
    if start < len(indices):
        yield indices[start:]
