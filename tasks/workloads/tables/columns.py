"""Columns of tables, by their names."""

from collections.abc import Sequence

from tasks.errors import SourceError


def places_of(wanted: Sequence[str], columns: Sequence[str], path: str) -> list[int]:
    """Return where the wanted columns are among all.

    Args:
        wanted: names of columns.
        columns: those that there are.
        path: of the file, for the message.

    Raises:
        SourceError: one is not there, or twice.
    """
    if unfit := [name for name in wanted if columns.count(name) != 1]:
        raise SourceError(
            f"Expected {path} to have the columns {', '.join(wanted)}, each once. "
            f"Received: {', '.join(map(repr, columns[:50])) or 'none'}. "
            f"Name those that hold {' and '.join(unfit)}, or give the names of all columns where the file has none."
        )
    return [columns.index(name) for name in wanted]
