"""The samples that models are asked about: as they were prepared, or as the release in production reads them itself.

Where a workload learns of the training samples how to read, a release has learned something else than this run: its
vocabulary is another one. Then it is asked about the same samples, read in its own way.
"""

from collections.abc import Iterator
from pathlib import Path

from tasks.errors import DataError, EvaluationError
from tasks.evaluation.records import PRODUCTION_TFLITE
from tasks.samples import Dataset, SplitName, read_assets, read_batches
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
    if path != PRODUCTION_TFLITE or not dataset.assets:
        return None
    assets = assets_beside(path)
    if not assets or assets == read_assets():
        return None
    try:
        return learned_reader(dataset.workload, assets)
    except DataError as error:
        raise EvaluationError(str(error)) from None


def as_asked(path: Path, dataset: Dataset) -> Dataset:
    """Return prepared data with the inputs and the target that a model is asked with.

    Args:
        path: of the model.
        dataset: what was prepared.

    Raises:
        EvaluationError: see :func:`own_reader`.
    """
    reader = own_reader(path, dataset)
    if reader is None:
        return dataset
    target = reader.target if isinstance(reader, MakesTargets) else dataset.target
    return dataset.model_copy(update={"inputs": reader.inputs, "target": target})


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
    yield from read_as(reader, split, size)
