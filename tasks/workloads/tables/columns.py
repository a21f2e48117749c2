"""Columns of tables, by their names."""

from collections.abc import Collection, Sequence

from tasks.errors import SourceError


def places_of(
    wanted: Sequence[str], columns: Sequence[str], path: str, optional: Collection[str] = ()
) -> list[int | None]:
    """Return where the wanted columns are among all; None of one that is not there and need not be.

    Args:
        wanted: names of columns.
        columns: those that there are.
        path: of the file, for the message.
        optional: columns that need not be there.

    Raises:
        SourceError: one is not there, or twice.
    """
    counts = {name: columns.count(name) for name in wanted}
    if unfit := [name for name, count in counts.items() if count > 1 or (not count and name not in optional)]:
        raise SourceError(
            f"Expected {path} to have the columns {', '.join(wanted)}, each once. "
            f"Received: {', '.join(map(repr, columns[:50])) or 'none'}. "
            f"Name those that hold {' and '.join(unfit)}, or give the names of all columns where the file has none."
        )
    return [columns.index(name) if counts[name] else None for name in wanted]
