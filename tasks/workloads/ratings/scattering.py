"""Rows of tables as interactions, checked and scattered into groups by their users."""

import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from tasks.samples import SPLITS
from tasks.workloads.class_folders import SPLIT_FOLDERS
from tasks.workloads.grouping import GROUPS, Scattered
from tasks.workloads.items import RefusedSample, Rows
from tasks.workloads.ratings.blocks import NO_SPLIT, Columns, to_bytes
from tasks.workloads.ratings.settings import InteractionSettings, RatingsSettings

MAX_ID = 256  # characters
BELOW = "below"  # rows with a rating below `liked`
KNOWN_USERS = 1 << 16
Row = tuple[str, str, float, float, int]


def scatter(rows: Sequence[Rows], settings: InteractionSettings) -> Scattered:
    """Take rows apart by their users.

    Args:
        rows: of tables, each with the cells of user, item, rating and time, and the split where the settings name one.
        settings: ``data.ratings``.

    Returns:
        interactions as :mod:`.blocks` has them, by the users' groups, and the rows that cannot be used.
    """
    refused: list[RefusedSample] = []
    columns = _columns(rows, settings)
    if columns is None:
        found = list(_checked(rows, settings, refused))
        parts: list[Sequence[object]] = list(zip(*found, strict=True)) or [()] * 5
        columns = Columns(
            list(map(str, parts[0])),
            list(map(str, parts[1])),
            np.array(parts[2], np.float64),
            np.array(parts[3], np.float64),
            np.array(parts[4], np.uint8),
        )
    total = len(columns.users)
    columns = _liked(columns, settings)
    below = total - len(columns.users)
    declared = frozenset(SPLITS[place] for place in np.unique(columns.splits).tolist() if place != NO_SPLIT)
    return Scattered(dict(_groups(columns)), total, declared, refused, Counter({BELOW: below} if below else {}))


def _columns(rows: Sequence[Rows], settings: InteractionSettings) -> Columns | None:
    """Return rows column by column where none of them is odd, which is the usual case; None elsewhere."""
    cells = list(zip(*chain.from_iterable(piece.rows for piece in rows), strict=True))
    if settings.split or not cells:
        return None
    users, items, ratings, times = cells
    if not (_are_plain(users) and _are_plain(items)):
        return None
    given, when = _numbers(ratings, np.nan, settings.rating), _numbers(times, 0.0, settings.time)
    if given is None or when is None:
        return None
    named = [NO_SPLIT if piece.split is None else SPLITS.index(piece.split) for piece in rows]
    splits = np.repeat(np.array(named, np.uint8), [len(piece.rows) for piece in rows])
    return Columns(users, items, given, when, splits)


def _are_plain(names: Sequence[str]) -> bool:
    """Return whether all ids can be shown and are neither empty, too long nor within spaces; looked at all at once."""
    if not all(names) or max(map(len, names)) > MAX_ID:
        return False
    together = "".join(names)
    if not together.isprintable():
        return False
    return " " not in together or not any(name[0] == " " or name[-1] == " " for name in names)


def _numbers(cells: Sequence[str], empty: float, column: str | None) -> NDArray[np.float64] | None:
    """Return a column of numbers, or of one that is not there; None where a cell is odd."""
    if not any(cells):
        return np.full(len(cells), empty) if column in ("auto", None) else None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _checked(rows: Sequence[Rows], settings: InteractionSettings, refused: list[RefusedSample]) -> Iterator[Row]:
    """Yield the rows that can be used one by one, and refuse the others by their numbers."""
    for piece in rows:
        for number, row in zip(piece.numbers, piece.rows, strict=True):
            try:
                yield _row(row, piece, settings)
            except ValueError as error:
                refused.append(RefusedSample(f"{piece.file}:{number}", str(error)))


def _row(row: Sequence[str], piece: Rows, settings: InteractionSettings) -> Row:
    user, item, rating, time = (cell.strip() for cell in row[:4])
    for what, cell in (("user", user), ("item", item)):
        if not cell:
            raise ValueError(f"no {what}")
        if len(cell) > MAX_ID or not cell.isprintable():
            raise ValueError(f"the {what} {cell[:40]!r}: at most {MAX_ID} characters that can be printed are expected")
    split = piece.split
    if settings.split:
        split = SPLIT_FOLDERS.get(row[4].strip().lower())
        if split is None:
            raise ValueError(f"the split {row[4].strip()[:50]!r}: {', '.join(SPLIT_FOLDERS)} are known")
    value = _number(rating, "rating") if rating else math.nan
    if settings.rating not in ("auto", None) and not rating:
        raise ValueError("no rating")
    if settings.time not in ("auto", None) and not time:
        raise ValueError("no time")
    return user, item, value, seconds(time) if time else 0.0, NO_SPLIT if split is None else SPLITS.index(split)


def _number(cell: str, what: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"the {what} {cell[:40]!r}: a number is expected")
    return value


def seconds(cell: str) -> float:
    """Return a time in seconds since 1970: of a number, or of a date as ISO 8601 has it, in UTC if it names no zone.

    Args:
        cell: of a table.

    Raises:
        ValueError: it is neither.
    """
    try:
        value = float(cell)
    except ValueError:
        try:
            read = datetime.fromisoformat(cell)
        except ValueError:
            raise ValueError(f"the time {cell[:40]!r}: seconds or a date as 2026-01-31 12:00:00 are expected") from None
        try:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except OverflowError:
            raise ValueError(f"the time {cell[:40]!r}: a date that can be counted in seconds is expected") from None
    if not math.isfinite(value):
        raise ValueError(f"the time {cell[:40]!r}: a number is expected")
    return value


def _liked(columns: Columns, settings: InteractionSettings) -> Columns:
    """Leave out rows whose rating is below the least that counts; a row without a rating counts."""
    if not isinstance(settings, RatingsSettings) or settings.liked is None:
        return columns
    kept = ~(columns.ratings < settings.liked)
    if kept.all():
        return columns
    places = np.flatnonzero(kept).tolist()
    return Columns(
        [columns.users[place] for place in places],
        [columns.items[place] for place in places],
        columns.ratings[kept],
        columns.times[kept],
        columns.splits[kept],
    )


@lru_cache(maxsize=KNOWN_USERS)
def group_of(user: str) -> int:
    """Return the number of the group that a user is in.

    Args:
        user: an id.
    """
    return zlib.crc32(user.encode()) % GROUPS


def _groups(columns: Columns) -> Iterator[tuple[int, bytes]]:
    users, items = columns.users, columns.items
    numbers: NDArray[np.int64] = np.fromiter(map(group_of, users), np.int64, len(users))
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(GROUPS + 1))
    for group in range(GROUPS):
        places = order[bounds[group] : bounds[group + 1]]
        if len(places):
            pick = itemgetter(*places.tolist(), 0)  # the last one, so that there are several always
            yield (
                group,
                to_bytes(
                    Columns(
                        pick(users)[:-1],
                        pick(items)[:-1],
                        columns.ratings[places],
                        columns.times[places],
                        columns.splits[places],
                    )
                ),
            )
