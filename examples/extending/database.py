"""Samples in an SQLite database: a table ``samples`` with the columns ``name``, ``class`` and ``content``."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tasks.data_loading.sources.protocol import Entry, See, SourceListing, digest_of
from tasks.errors import SourceError
from tasks.paths import local
from tasks.workloads.items import Item, SourceFile, TakeFile


class Database:
    """Files that lie in a database instead of folders. It is opened to read only."""

    kind = "sqlite"

    def __init__(self, location: str) -> None:
        self.location = location
        self.path = Path(location.removeprefix("sqlite://")).expanduser()

    def listing(self, see: See | None = None) -> SourceListing:
        """Names, classes and sizes; a file whose content alone changes at the same size goes unnoticed."""
        rows = self._rows("name, class, length(content)")
        digest, count = digest_of((Entry(f"{label}/{name}", size, "") for name, label, size in rows), see)
        return SourceListing(kind=self.kind, location=local(str(self.path)), digest=digest, files=count)

    def items(self, take: TakeFile) -> Iterator[Item]:
        """Every file, in the order of names; the workload tells what is in it."""
        for name, label, content in self._rows("name, class, CAST(coalesce(content, '') AS BLOB)"):
            yield from take(SourceFile(f"{label}/{name}", len(content), partial(bytes, content)))

    def _rows(self, columns: str) -> Iterator[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as database:
                yield from database.execute(f"SELECT {columns} FROM samples ORDER BY class, name")
        except sqlite3.Error as error:
            raise SourceError(
                f"Expected a database with a table samples (name, class, content) at {self.path}. Received: {error}. "
                "Change data.source."
            ) from None
