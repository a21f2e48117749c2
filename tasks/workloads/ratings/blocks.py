"""Interactions on their way: columns of users, items, ratings, times and splits as bytes."""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<III")  # interactions, bytes of the users, bytes of the items
NO_SPLIT = 255
SEPARATOR = "\n"


class Columns(NamedTuple):
    """Interactions: who, what, how good (NaN where nothing says it), when, and for which split, ``[n]`` each."""

    users: Sequence[str]
    items: Sequence[str]
    ratings: NDArray[np.float64]
    times: NDArray[np.float64]
    splits: NDArray[np.uint8]  # place in SPLITS; 255: nothing says it


def to_bytes(columns: Columns) -> bytes:
    """Return interactions as bytes.

    Args:
        columns: of the interactions; no id has a line break in it.
    """
    users, items = (SEPARATOR.join(ids).encode() for ids in (columns.users, columns.items))
    head = HEAD.pack(len(columns.users), len(users), len(items))
    return b"".join((head, users, items, columns.ratings.tobytes(), columns.times.tobytes(), columns.splits.tobytes()))


def of_blocks(blocks: Iterator[bytes]) -> Columns:
    """Return the interactions of blocks, one behind the other.

    Args:
        blocks: as :func:`to_bytes` gives them.
    """
    users: list[str] = []
    items: list[str] = []
    numbers: list[list[NDArray[np.float64]]] = [[], []]
    splits: list[NDArray[np.uint8]] = []
    for block in blocks:
        count, of_users, of_items = HEAD.unpack_from(block)
        start = HEAD.size
        for ids, size in ((users, of_users), (items, of_items)):
            ids.extend(block[start : start + size].decode().split(SEPARATOR))
            start += size
        for parts in numbers:
            parts.append(np.frombuffer(block, np.float64, count, start))
            start += 8 * count
        splits.append(np.frombuffer(block, np.uint8, count, start))
    ratings, times = (np.concatenate(parts) if parts else np.zeros(0) for parts in numbers)
    return Columns(users, items, ratings, times, np.concatenate(splits) if splits else np.zeros(0, np.uint8))
