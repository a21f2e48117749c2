"""Targets of a ranking: the items that are to be found, and those that are not to be named again.

A target is int32 ``[room]``. Its numbers are rows of items, from 1 to the number of items: those to be found as they
are, in front; those that are known already as ``-row``. An item to be found that no model can name is
``-(items + 1)``, and 0 stands for nothing.
"""

from collections.abc import Sequence

import numpy as np

from tasks.arrays import Array
from tasks.samples import TensorSpec

NAME = "ranked"


def target_of(items: int, room: int) -> TensorSpec:
    """Return the target of a ranking.

    Args:
        items: how many can be ranked.
        room: numbers of a target.
    """
    return TensorSpec(name=NAME, dtype="int32", shape=(room,), low=-(items + 1), high=items)


def encode_targets(wanted: Sequence[Sequence[int]], seen: Sequence[Sequence[int]], target: TensorSpec) -> Array:
    """Return targets, int32 ``[n, room]``. Where there is no room, the items that were seen first are left out.

    Args:
        wanted: rows of items to be found of each sample; 0: one that cannot be named.
        seen: rows of items that are known, from old to new.
        target: as :func:`target_of` gives it.
    """
    (room,), unknown = target.shape, int(target.low)
    made = np.zeros((len(wanted), room), np.int32)
    for row, found, known in zip(made, wanted, seen, strict=True):
        numbers = [*(item or unknown for item in found), *(-item for item in reversed(known))][:room]
        row[: len(numbers)] = numbers
    return made
