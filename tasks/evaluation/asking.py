"""The samples that models are asked about: as they were prepared, or as the release in production reads them itself.

Where a workload learns of the training samples how to read, a release has learned something else than this run: its
vocabulary is another one. Then it is asked about the same samples, read in its own way.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.errors import DataError, EvaluationError
from tasks.evaluation.records import PRODUCTION_TFLITE
from tasks.samples import ASSETS, Dataset, Inputs, Specs, SplitName, read_assets, read_batches, read_contents
from tasks.workloads import reading_of
from tasks.workloads.protocol import LearnedReader, LearnedReading


class Asked(NamedTuple):
    """A batch: the samples as they were prepared, as the model takes them, and their targets ``[n]``."""

    prepared: Inputs
    taken: Inputs
    targets: NDArray[np.generic]


def own_reader(path: Path, dataset: Dataset) -> LearnedReader | None:
    """Return how a model reads samples, where that is another way than the one of this run; None where it is not.

    Args:
        path: of the model; what it has learned lies beside it, in the folder ``assets``.
        dataset: what was prepared.

    Raises:
        EvaluationError: what lies there cannot be read.
    """
    if path != PRODUCTION_TFLITE or not dataset.assets:
        return None
    assets = assets_beside(path)
    if not assets or assets == read_assets():
        return None
    reading = reading_of(dataset.workload)
    if not isinstance(reading, LearnedReading):
        raise EvaluationError(
            f"Expected the workload {dataset.workload} to read as the release in production does. "
            f"Received: a reading without `learned`. Add it."
        )
    try:
        return reading.learned(assets)
    except DataError as error:
        raise EvaluationError(str(error)) from None


def assets_beside(path: Path) -> dict[str, bytes]:
    """Read what lies beside a model in the folder ``assets``, by the names of files.

    Args:
        path: of the model.
    """
    folder = path.parent / ASSETS
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())} if folder.is_dir() else {}


def inputs_of(path: Path, dataset: Dataset) -> Specs:
    """Return the inputs that a model is asked with.

    Args:
        path: of the model.
        dataset: what was prepared.

    Raises:
        EvaluationError: see :func:`own_reader`.
    """
    reader = own_reader(path, dataset)
    return dataset.inputs if reader is None else reader.inputs


def batches(path: Path, dataset: Dataset, split: SplitName, size: int) -> Iterator[Asked]:
    """Yield the samples of a split in the order in which they are stored.

    Args:
        path: of the model.
        dataset: what was prepared.
        split: of it.
        size: samples in a batch; the last one may be smaller.

    Raises:
        EvaluationError: see :func:`own_reader`.
        DataError: a shard is damaged.
    """
    reader = own_reader(path, dataset)
    if reader is None:
        for inputs, targets in read_batches(split, size):
            yield Asked(inputs, inputs, targets)
        return
    for (inputs, targets), contents in zip(read_batches(split, size), read_contents(split, size), strict=True):
        taken: dict[str, Array] = dict(reader.encode(contents))
        yield Asked(inputs, Inputs(taken), targets)
