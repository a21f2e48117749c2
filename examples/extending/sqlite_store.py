"""A store in one SQLite file: every write is a transaction, so that conditions hold between processes, too."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.deployment.stores.conditions import ENFORCED, Conditions
from tasks.deployment.stores.protocol import PIECE, SMALL, Entry, Leftover, Object, Progress, Store, check_key
from tasks.errors import Conflict, NotFound, StoreError

TABLE = "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, content BLOB NOT NULL)"
PATIENCE = 30.0  # seconds that a writer waits for others


class SqliteStore:
    """Objects as rows. Files travel through memory, so that this is for small models.

    Args:
        url: ``sqlite://path/to/store.db``; the file is made by the first write.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(url.removeprefix("sqlite://")).expanduser()

    @property
    def conditions(self) -> Conditions:
        """They are kept: SQLite lets one writer in at a time."""
        return ENFORCED

    def get(self, key: str) -> Object:
        """See :meth:`Store.get`."""
        content = self._content(key, SMALL)
        return Object(content, _tag(content))

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Store.get_if_changed`."""
        found = self.get(key)
        return None if found.tag == tag else found

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """See :meth:`Store.read_to`."""
        content = self._content(key, limit)
        with path.open("wb") as file:
            for start in range(0, len(content), PIECE):
                piece = content[start : start + PIECE]
                file.write(piece)
                if progress:
                    progress(len(piece))

    def put(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put`."""
        with self._writing() as database:
            _write(database, check_key(key), content)

    def put_if_absent(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put_if_absent`."""
        with self._writing() as database:
            there = _read(database, check_key(key))
            if there is None:
                _write(database, key, content)
            elif there != content:
                raise self._conflict(key)

    def put_file(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """See :meth:`Store.put_file`."""
        content = path.read_bytes()
        self.put_if_absent(key, content)
        if progress:
            progress(len(content))

    def compare_and_swap(self, key: str, content: bytes, tag: str | None) -> None:
        """See :meth:`Store.compare_and_swap`."""
        if tag is None:
            return self.put_if_absent(key, content)
        with self._writing() as database:
            there = _read(database, check_key(key))
            if there is not None and _tag(there) == tag:
                _write(database, key, content)
            elif there != content:
                raise self._conflict(key)
        return None

    def list(self, folder: str) -> Iterator[Entry]:
        """See :meth:`Store.list`."""
        first, behind = f"{check_key(folder)}/", f"{folder}0"  # 0 comes right after the slash
        query = "SELECT key, length(content) FROM objects WHERE key >= ? AND key < ? ORDER BY key"
        with self._open() as database:
            rows = database.execute(query, (first, behind)).fetchall() if database else []
        yield from (Entry(key, size) for key, size in rows)

    def delete(self, key: str) -> None:
        """See :meth:`Store.delete`."""
        with self._writing() as database:
            database.execute("DELETE FROM objects WHERE key = ?", (check_key(key),))

    def leftovers(self) -> Iterator[Leftover]:
        """Give none: SQLite takes back what a killed writer has begun."""
        return iter(())

    def discard(self, leftover: Leftover) -> None:
        """See :meth:`Store.discard`."""
        raise StoreError(f"Expected a leftover of {self.url}. Received: {leftover.handle!r}.")

    def _content(self, key: str, limit: int) -> bytes:
        check_key(key)
        with self._open() as database:
            content = _read(database, key) if database else None
        if content is None:
            raise NotFound(f"Expected {key} in {self.url}. Received: no such object.")
        if len(content) > limit:
            raise StoreError(
                f"Expected {key} in {self.url} to have at most {limit:,} bytes. Received: {len(content):,}."
            )
        return content

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection | None]:
        """To read; None where nothing was ever written."""
        try:
            if not self.path.exists():
                yield None
                return
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as database:
                yield database
        except sqlite3.Error as error:
            raise self._broken(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that begins by keeping other writers out, and that an error takes back."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(TABLE)
                yield database
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"Expected a store in {self.path} that can be read and written. Received: {error}. "
            "Check the path in deployment.store, the rights and the space on the disk."
        )

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"Expected {key} in {self.url} to be as it was before. Received: somebody else's change.")


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(database: sqlite3.Connection, key: str) -> bytes | None:
    row = database.execute("SELECT content FROM objects WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def _write(database: sqlite3.Connection, key: str, content: bytes) -> None:
    database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?)", (key, content))


if TYPE_CHECKING:
    _: type[Store] = SqliteStore
