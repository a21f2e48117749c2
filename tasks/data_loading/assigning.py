"""Assign the samples of a bucket to splits; equal samples never to two."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.data_loading.bucket_sort import Bucket, Offsets, Rows, equal_runs
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.strata import Splitter
from tasks.samples import SPLITS


class Assigned(NamedTuple):
    """The samples of a bucket in the order of their digests, then of their names.

    ``rows`` and ``offsets``: of the bucket's index. ``splits``: of each its number in SPLITS. ``kept``: which are used:
    of equal samples those of the strictest split, test before validation before train. ``runs``: where equal samples
    stand, two or more of them.
    """

    rows: Rows
    offsets: Offsets
    splits: NDArray[np.uint8]
    kept: NDArray[np.bool_]
    runs: list[tuple[int, int]]


def assign(bucket: Bucket, splitter: Splitter) -> Assigned:
    """Return the samples of a bucket, each with its split.

    Args:
        bucket: of samples.
        splitter: tells their splits.
    """
    rows, offsets = bucket.index()
    splits, runs = splitter.splits_of(rows["split_hash"], rows["declared"]), equal_runs(rows)
    kept = np.ones(len(rows), np.bool_)
    for start, end in runs:
        kept[start:end] = splits[start:end] == splits[start:end].max()
    return Assigned(rows, offsets, splits, kept, runs)


def tell_apart(bucket: Bucket, assigned: Assigned, summary: LoadSummary) -> None:
    """Tell of equal samples what is kept out, repeated or contradicting.

    Args:
        bucket: of the samples.
        assigned: with their splits.
        summary: is told.
    """
    for start, end in assigned.runs:
        kept, labels = assigned.kept[start:end], assigned.rows["label"][start:end]
        summary.repeated += int(kept.sum()) - 1
        others = np.flatnonzero(labels != labels[0])
        if kept.all() and not len(others):
            continue
        names = [name.decode() for name in bucket.names(assigned.rows[start:end], assigned.offsets[start:end])]
        first = int(np.flatnonzero(kept)[0])
        strictest = SPLITS[assigned.splits[start + first]]
        for number in np.flatnonzero(~kept).tolist():
            split = SPLITS[assigned.splits[start + number]]
            summary.kept_out.add(names[number], f"kept out of {split}: equal to {names[first]} in {strictest}")
        if len(others):
            summary.contradict(names[0], names[int(others[0])])
