"""Pieces of a table: some rows at a time, since one at a time would take longer than reading them."""

from collections.abc import Sequence
from typing import NamedTuple

PIECE_ROWS, PIECE_CHARACTERS = 2048, 1 << 20  # at most, but for the last row


class Piece(NamedTuple):
    """Rows of a table, one behind the other: the number of the first in the file, from 1, and the cells of each."""

    first: int
    rows: Sequence[Sequence[str]]


class Fault(NamedTuple):
    """A row that is none: its number in the file, from 1, and why."""

    number: int
    reason: str
