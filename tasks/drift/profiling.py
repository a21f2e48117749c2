"""The profile of data: histograms in fixed bins, which are those of every other profile of the same inputs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.drift.records import MOST_BINS, Histogram, Profile
from tasks.samples import PREPARED, Inputs, Specs, SplitName, TensorSpec, read_batches, read_dataset
from tasks.workloads.protocol import LearnedReader
from tasks.workloads.rereading import read_as
from tasks.workloads.statistics import statistics_for

BINS = 32
BATCH = 256
OPEN: tuple[SplitName, ...] = ("train", "validation")  # nothing of the sealed test split gets into a profile


def profile_of(
    workload: str,
    inputs: Specs,
    batches: Iterable[tuple[Inputs, Array | None]],
    classes: tuple[str, ...] = (),
    target: TensorSpec | None = None,
) -> Profile:
    """Return what samples are like, however many there are.

    Args:
        workload: as ``data.workload`` names it.
        inputs: of a sample.
        batches: inputs of n samples, and their targets ``[n]``, if they are known.
        classes: that the targets are numbers of; none where they are of another kind.
        target: what targets are where they are no classes.
    """
    statistics = statistics_for(workload, inputs)
    counts = {name: np.zeros(BINS, np.int64) for name in statistics}
    wanted = target if target and not classes and not target.shape and target.low < target.high else None
    of_targets, of_class, samples = np.zeros(BINS, np.int64), Counter[int](), 0
    for batch, targets in batches:
        samples += len(batch)
        for name, statistic in statistics.items():
            values = statistic.compute(np.asarray(batch.arrays[statistic.input], np.float64))
            counts[name] += in_bins(values, statistic.low, statistic.high)
        if targets is not None and classes:
            of_class.update(targets.tolist())
        elif targets is not None and wanted:
            of_targets += in_bins(np.asarray(targets, np.float64), wanted.low, wanted.high)
    made = {
        name: Histogram(low=statistic.low, high=statistic.high, counts=tuple(counts[name].tolist()))
        for name, statistic in statistics.items()
    }
    if wanted and of_targets.any():
        made[wanted.name] = Histogram(low=wanted.low, high=wanted.high, counts=tuple(of_targets.tolist()))
    named = {name: of_class[number] for number, name in enumerate(classes)} if of_class else {}
    kept = named if len(named) <= MOST_BINS else {}
    return Profile(workload=workload, inputs=inputs, samples=samples, classes=kept, statistics=made)


def in_bins(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.int64]:
    """Return how many values are in each of equal bins, int64 ``[bins]``; what lies outside goes to the outer ones.

    Args:
        values: of any shape.
        low: the least value.
        high: the largest value.
    """
    places = np.floor((np.clip(values, low, high) - low) / (high - low) * BINS).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)


def profile_prepared(folder: Path = PREPARED, reader: LearnedReader | None = None) -> Profile:
    """Return what prepared data is like, the sealed test split left out.

    Args:
        folder: of the prepared data.
        reader: that reads the samples anew, as the one of a release; by default they are taken as they were prepared.

    Raises:
        DataError: it is missing or damaged.
    """
    dataset = read_dataset(folder)
    specs = dataset.inputs if reader is None else reader.inputs
    return profile_of(dataset.workload, specs, _prepared(folder, reader), dataset.classes, dataset.target)


def _prepared(folder: Path, reader: LearnedReader | None) -> Iterator[tuple[Inputs, Array]]:
    for split in OPEN:
        if reader is None:
            yield from read_batches(split, BATCH, folder)
        else:
            for asked in read_as(reader, split, BATCH, folder):
                yield asked.taken, asked.targets


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Return the share of each class.

    Args:
        counts: samples of each class.
    """
    total = sum(counts.values())
    return {name: count / total if total else 0.0 for name, count in counts.items()}
