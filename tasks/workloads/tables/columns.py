"""Columns of tables, by their names."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

from tasks.errors import SourceError

# Gives the names of wanted columns among those that there are; None stands for one that is not there and need not be.
Choose = Callable[[Sequence[str]], Sequence[str | None]]


class ColumnsError(SourceError):
    """A table has not the columns that are wanted.

    Args:
        message: for people.
        unfit: names of the columns that are missing or not clear.
    """

    def __init__(self, message: str, unfit: Sequence[str]) -> None:
        super().__init__(message)
        self.unfit = tuple(unfit)


def named(wanted: Sequence[str], path: str, optional: Collection[str] = ()) -> Choose:
    """Return what chooses columns by their very names.

    Args:
        wanted: names of columns.
        path: of the file, for messages.
        optional: columns that need not be there.

    Returns:
        a function of all columns; it raises :class:`ColumnsError` where one is not there, or twice.
    """
    return partial(_named, tuple(wanted), path, frozenset(optional))


def _named(wanted: Sequence[str], path: str, optional: Collection[str], columns: Sequence[str]) -> list[str | None]:
    counts = {name: list(columns).count(name) for name in wanted}
    if unfit := [name for name, count in counts.items() if count > 1 or (not count and name not in optional)]:
        raise ColumnsError(
            f"Expected {path} to have the columns {', '.join(wanted)}, each once. "
            f"Received: {', '.join(map(repr, columns[:50])) or 'none'}. "
            f"Name those that hold {' and '.join(unfit)}, or give the names of all columns where the file has none.",
            unfit,
        )
    return [name if counts[name] else None for name in wanted]
