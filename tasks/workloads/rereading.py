"""Prepared samples as another reader than this run's makes them: the one that a release has learned."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tasks.arrays import Array
from tasks.errors import DataError
from tasks.samples import ASSETS, PREPARED, Inputs, SplitName, read_batches, read_contents
from tasks.workloads import reading_of
from tasks.workloads.grouping import MakesTargets
from tasks.workloads.protocol import LearnedReader, LearnedReading


class Asked(NamedTuple):
    """A batch: the samples and their targets ``[n, …]`` as they were prepared, and both as a model has them."""

    prepared: Inputs
    targets: Array
    taken: Inputs
    own_targets: Array


def assets_beside(path: Path) -> dict[str, bytes]:
    """Read what lies beside a model in the folder ``assets``, by the names of files.

    Args:
        path: of the model.

    Returns:
        the content of each; none where there is no such folder.
    """
    folder = path.parent / ASSETS
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())} if folder.is_dir() else {}


def learned_reader(workload: str, assets: Mapping[str, bytes]) -> LearnedReader:
    """Return the reader of a release.

    Args:
        workload: as ``data.workload`` names it.
        assets: of the release, by the names of files.

    Raises:
        DataError: the workload knows none, or the assets are not what it expects.
    """
    reading = reading_of(workload)
    if not isinstance(reading, LearnedReading):
        raise DataError(
            f"Expected the workload {workload} to read as the release in production does. "
            f"Received: a reading without `learned`. Add it."
        )
    return reading.learned(assets)


def read_as(reader: LearnedReader, split: SplitName, size: int, folder: Path = PREPARED) -> Iterator[Asked]:
    """Yield the samples of a split as a reader makes them, in the order in which they are stored.

    Args:
        reader: of a release.
        split: of the prepared data.
        size: samples in a batch; the last one may be smaller.
        folder: of the prepared data.

    Raises:
        DataError: a shard is damaged.
    """
    pairs = zip(read_batches(split, size, folder), read_contents(split, size, folder), strict=True)
    for (inputs, targets), contents in pairs:
        encoded = dict(reader.encode(contents))
        own = encoded.pop(reader.target.name) if isinstance(reader, MakesTargets) else targets
        yield Asked(inputs, targets, Inputs(encoded), own)
