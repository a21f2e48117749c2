"""The samples that models are asked about: as they were prepared, or as a model of another vocabulary reads them.

Where a workload learns of the training samples how to read, a release has learned something else than this run, and a
candidate may know less. Such a model is asked about the same samples, read in its own way.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tasks.errors import DataError, EvaluationError
from tasks.samples import Asset, Dataset, SplitName, read_assets, read_batches
from tasks.workloads.grouping import MakesTargets
from tasks.workloads.protocol import LearnedReader
from tasks.workloads.rereading import Asked, assets_beside, learned_reader, read_as


def own_reader(path: Path, dataset: Dataset) -> LearnedReader | None:
    """Return how a model reads samples, where that is another way than the one of this run; None where it is not.

    Args:
        path: of the model; what it has learned lies beside it, in the folder ``assets``.
        dataset: what was prepared.

    Raises:
        EvaluationError: what lies there cannot be read.
    """
    if not dataset.assets:
        return None
    assets = assets_beside(path)
    if not assets or assets == read_assets():
        return None
    try:
        return learned_reader(dataset.workload, assets)
    except DataError as error:
        raise EvaluationError(str(error)) from None


def as_asked(path: Path, dataset: Dataset) -> Dataset:
    """Return the data set as a model is asked about it: with its own inputs, target and assets.

    Args:
        path: of the model.
        dataset: what was prepared.

    Raises:
        EvaluationError: see :func:`own_reader`.
    """
    reader = own_reader(path, dataset)
    if reader is None:
        return dataset
    assets = tuple(
        Asset(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(reader.assets.items())
    )
    target = reader.target if isinstance(reader, MakesTargets) else dataset.target
    return dataset.model_copy(update={"inputs": reader.inputs, "target": target, "assets": assets})


def own_assets_of(path: Path) -> dict[str, bytes]:
    """Read what a model's questions are read with, by the names of files: its own, or what the run has learned.

    Args:
        path: of the model.

    Returns:
        the content of each file.

    Raises:
        DataError: a file of the run's is missing, or another one.
    """
    return assets_beside(path) or read_assets()


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
            yield Asked(inputs, targets, inputs, targets)
        return
    yield from read_as(reader, split, size)
