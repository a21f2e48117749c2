"""Objects as files of a folder: the embedded store, as strict about conditions as a server.

An object is written beside its place, flushed to the disk and then renamed into its place, under the one lock of the
store. Names that begin with a dot (the lock, files being written) are no objects.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tasks.deployment.stores.conditions import ENFORCED, Conditions
from tasks.deployment.stores.protocol import SMALL, Entry, Leftover, Object, Progress, Store, check_key
from tasks.errors import Conflict, NotFound, StoreError
from tasks.files import CHUNK, sha256, sync
from tasks.locking import locked

SCHEME = "file://"
STAGED = ".staged-"  # how files begin that are being written


class DirectoryStore:
    """A store in a folder, which is made by the first write.

    Args:
        url: ``file://`` and a path; a relative one begins at the working directory.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.root = Path(url.removeprefix(SCHEME)).expanduser().absolute()
        self.conditions: Conditions = ENFORCED

    def get(self, key: str) -> Object:
        """See :meth:`Store.get`."""
        with self._errors(), self._open(key, SMALL) as file:
            content = file.read()
        return Object(content, hashlib.sha256(content).hexdigest())

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Store.get_if_changed`."""
        found = self.get(key)
        return None if found.tag == tag else found

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """See :meth:`Store.read_to`."""
        with self._errors(), self._open(key, limit) as source:
            _copy(source, path, progress)

    def put(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put`."""
        with self._errors(), self._staged(key) as staged:
            staged.write_bytes(content)
            with self._lock():
                self._move(staged, key)

    def put_if_absent(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put_if_absent`."""
        with self._errors(), self._staged(key) as staged:
            staged.write_bytes(content)
            self._move_if_absent(staged, key)

    def put_file(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """See :meth:`Store.put_file`."""
        with self._errors(), self._staged(key) as staged, path.open("rb") as source:
            _copy(source, staged, progress)
            self._move_if_absent(staged, key)

    def compare_and_swap(self, key: str, content: bytes, tag: str | None) -> None:
        """See :meth:`Store.compare_and_swap`."""
        if tag is None:
            return self.put_if_absent(key, content)
        with self._errors(), self._staged(key) as staged, self._lock():
            try:
                found = self.get(key)
            except NotFound:
                raise self._conflict(key) from None
            if found.tag == tag:
                staged.write_bytes(content)
                self._move(staged, key)
            elif found.content != content:
                raise self._conflict(key)
        return None

    def list(self, folder: str) -> Iterator[Entry]:
        """See :meth:`Store.list`."""
        top = self.root / check_key(folder)
        with self._errors():
            for key in sorted(path.relative_to(self.root).as_posix() for path in _below(top)):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    yield Entry(key, (self.root / key).lstat().st_size)

    def delete(self, key: str) -> None:
        """See :meth:`Store.delete`."""
        with self._errors(), self._lock():
            (self.root / check_key(key)).unlink(missing_ok=True)

    def leftovers(self) -> Iterator[Leftover]:
        """See :meth:`Store.leftovers`."""
        with self._errors():
            for path in sorted(self.root.rglob(f"{STAGED}*")):
                with contextlib.suppress(FileNotFoundError):  # has come to its place meanwhile
                    began = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    key = path.relative_to(self.root).as_posix()
                    yield Leftover(f"{path.parent.relative_to(self.root).as_posix()}/", began, key)

    def discard(self, leftover: Leftover) -> None:
        """See :meth:`Store.discard`."""
        folder, _, name = leftover.handle.rpartition("/")
        prefix = self.root / check_key(folder) if folder else self.root
        if not name.startswith(STAGED):
            raise StoreError(f"Expected a leftover of {self.url}. Received: {leftover.handle!r}.")
        with self._errors():
            (prefix / name).unlink(missing_ok=True)

    def _open(self, key: str, limit: int) -> BinaryIO:
        """An object's file, opened without waiting for anybody, should a pipe lie there."""
        absent = NotFound(f"Expected {key} in {self.url}. Received: no such object.")
        try:
            handle = os.open(self.root / check_key(key), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise absent from None
        status = os.fstat(handle)
        is_file = stat.S_ISREG(status.st_mode)
        if is_file and status.st_size <= limit:
            return os.fdopen(handle, "rb")
        os.close(handle)
        if stat.S_ISDIR(status.st_mode):
            raise absent
        received = f"{status.st_size:,}" if is_file else "no regular file"
        raise StoreError(f"Expected {key} in {self.url} to have at most {limit:,} bytes. Received: {received}.")

    @contextlib.contextmanager
    def _staged(self, key: str) -> Iterator[Path]:
        """A file beside the object's place, to be written before it is moved there."""
        folder = (self.root / check_key(key)).parent
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for parent in made:
            sync(parent.parent)
        handle, name = tempfile.mkstemp(prefix=STAGED, dir=folder)
        os.close(handle)
        staged = Path(name)
        try:
            staged.chmod(0o644)
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    def _move(self, staged: Path, key: str) -> None:
        sync(staged)
        staged.replace(self.root / key)
        sync(staged.parent)

    def _move_if_absent(self, staged: Path, key: str) -> None:
        sync(staged)
        target = self.root / key
        with self._lock():
            if not target.exists():
                self._move(staged, key)
            elif sha256(target) != sha256(staged):
                raise self._conflict(key)

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"Expected {key} in {self.url} to be as it was before. Received: somebody else's change.")

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return locked(self.root / ".lock")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"Expected a store in {self.root} that can be read and written. Received: {error}. "
                f"Check the path in deployment.store, the rights and the space on the disk."
            ) from error


def _below(top: Path) -> Iterator[Path]:
    """Everything below a folder but folders and what begins with a dot; links are not followed, but named.

    Raises:
        OSError: a folder cannot be read. What is unseen must not pass for what is not there.
    """
    try:
        with os.scandir(top) as found:
            entries = list(found)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        else:
            yield Path(entry.path)


def _copy(source: BinaryIO, path: Path, progress: Progress | None) -> None:
    with path.open("wb") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk)
            if progress:
                progress(len(chunk))


if TYPE_CHECKING:
    _: type[Store] = DirectoryStore
