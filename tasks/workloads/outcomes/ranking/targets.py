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
        count = min(len(found), room)
        row[:count] = found[:count]
        left = min(len(known), room - count)
        if left:
            row[count : count + left] = known[: -left - 1 : -1]
            np.negative(row[count : count + left], out=row[count : count + left])
        row[:count][row[:count] == 0] = unknown
    return made
