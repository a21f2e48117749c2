"""Targets of predicted numbers: which items, and their numbers.

A target is float32 ``[2 · room]``: pairs of an item's row plus one and its number. Row 0 stands for an item that is not
known, so that the first of a pair is 1 then; where it is 0 there is nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.samples import TensorSpec

NAME = "rated"
MOST_ITEMS = (1 << 24) - 2  # rows that float32 tells apart


def target_of(items: int, room: int) -> TensorSpec:
    """Return the target of predicted numbers.

    Args:
        items: that have a row.
        room: items of a target.
    """
    return TensorSpec(name=NAME, dtype="float32", shape=(2 * room,), low=-(items + 1), high=items + 1)


def outputs_of(target: TensorSpec) -> int:
    """Return how many numbers a network gives: one for each item, behind that for unknown ones.

    Args:
        target: as :func:`target_of` gives it.
    """
    return int(target.high)


def encode_targets(wanted: Sequence[Sequence[tuple[int, float]]], target: TensorSpec) -> Array:
    """Return targets, float32 ``[n, 2 · room]``; what finds no room is left out.

    Args:
        wanted: of each sample the rows of items, 0 where one is not known, and their numbers.
        target: as :func:`target_of` gives it.
    """
    (size,) = target.shape
    made = np.zeros((len(wanted), size), np.float32)
    for row, pairs in zip(made, wanted, strict=True):
        numbers = [number for item, value in pairs for number in (item + 1, value)][:size]
        row[: len(numbers)] = numbers
    return made


def taken_apart(targets: Array) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the outputs that are meant, their numbers, and which of them there are, ``[n, room]`` each.

    Args:
        targets: ``[n, 2 · room]``.
    """
    rows = targets[:, 0::2].astype(np.int64)
    return np.maximum(rows - 1, 0), targets[:, 1::2].astype(np.float64), rows > 0
