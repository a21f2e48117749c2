"""Choose the ids that stay known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import Unsuited
from tasks.samples import PREPARED, read_assets, read_batches, read_dataset
from tasks.workloads.protocol import Vocabulary
from tasks.workloads.rereading import learned_reader

BATCH = 4096  # samples read at a time


@dataclass(frozen=True)
class Kept:
    """The ids that stay known, and the new number of each id that there was."""

    ids: tuple[int, ...]
    numbers: tuple[int, ...]


def vocabulary_of(folder: Path) -> Vocabulary:
    """Return what prepared data have learned, if it can do with fewer ids.

    Args:
        folder: of the prepared data.

    Raises:
        Unsuited: nothing of that kind was learned.
    """
    dataset, assets = read_dataset(folder), read_assets(folder)
    reader: Any = learned_reader(dataset.workload, assets) if assets else None
    if not isinstance(reader, Vocabulary) or len(dataset.inputs) != 1:
        raise Unsuited(
            f"Expected samples whose ids were learned, as a vocabulary. Received: the workload {dataset.workload}, "
            f"which has none. Leave prune_vocabulary out."
        )
    if reader.why_whole:
        raise Unsuited(f"Expected a vocabulary to prune. Received: {reader.why_whole}. Leave prune_vocabulary out.")
    return reader


def count_ids(folder: Path, rows: int) -> NDArray[np.int64]:
    """Count how often each id is there in the train split.

    Args:
        folder: of the prepared data.
        rows: ids that there may be.

    Returns:
        int64 ``[rows]``.
    """
    counts = np.zeros(rows, np.int64)
    for inputs, _ in read_batches("train", BATCH, folder):
        (ids,) = inputs.arrays.values()
        counts += np.bincount(ids.reshape(-1), minlength=rows)
    return counts


def keep(scores: NDArray[Any], count: int, vocabulary: Vocabulary) -> Kept:
    """Keep the ids of the highest scores, the first of equals, and let all others be unknown.

    Args:
        scores: of each id.
        count: ids that stay, beside those that always do.
        vocabulary: whose ids they are.

    Returns:
        the ids that stay, and the new number of each id.
    """
    learned = np.arange(vocabulary.stay, len(scores))
    order = learned[np.argsort(-scores[learned], kind="stable")]
    ids = np.sort(order[:count])
    numbers = np.full(len(scores), vocabulary.unknown)
    numbers[: vocabulary.stay] = np.arange(vocabulary.stay)
    numbers[ids] = vocabulary.stay + np.arange(len(ids))
    return Kept(tuple(ids.tolist()), tuple(numbers.tolist()))


def known_ids(numbers: Sequence[int], vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return the ids that stay known.

    Args:
        numbers: the new number of each id.
        vocabulary: whose ids they are.
    """
    return tuple(number for number, new in enumerate(numbers) if new >= vocabulary.stay)


def own_assets(ids: Sequence[int], folder: Path = PREPARED) -> dict[str, bytes]:
    """Return what a device reads questions with that knows some of the ids alone: files by their names.

    Args:
        ids: that stay known, rising; none: all do, and the files are those of the prepared data.
        folder: of the prepared data.
    """
    return dict(vocabulary_of(folder).keeping(ids).assets) if ids else {}
