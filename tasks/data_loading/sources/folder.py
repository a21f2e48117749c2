"""A folder of class folders on this machine."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from tasks.data_loading.sources.protocol import Entry, See, SourceListing, digest_of
from tasks.errors import SourceError
from tasks.paths import is_litter, local
from tasks.workloads.items import Folder, Item, RefusedSample, SourceFile, TakeFile


class ClassFolders:
    """A folder of class folders. Symbolic links are followed: the folder is the user's own."""

    kind = "folder"

    def __init__(self, location: str) -> None:
        self.location = location
        self.root = Path(location).expanduser()

    def listing(self, see: See | None = None) -> SourceListing:
        """Names, sizes and modification times of all files."""
        files = ((path, entry) for path, entry in self._walk() if not entry.is_dir())
        digest, count = digest_of((Entry(path, *_size_and_time(entry)) for path, entry in files), see)
        if not count:
            raise SourceError(
                f"Expected class folders with images in {self.location}. Received: no files. "
                f"Put them there as <class>/<file>, or change data.source."
            )
        return SourceListing(kind=self.kind, location=local(self.location), digest=digest, files=count)

    def items(self, take: TakeFile) -> Iterator[Item]:
        """The files, folder by folder, each folder's content sorted by name."""
        for path, entry in self._walk():
            if entry.is_dir():
                yield Folder(path)
            elif not entry.is_file():
                yield RefusedSample(path, "not a plain file, or a link that leads nowhere")
            else:
                try:
                    file = Path(entry.path)
                    yield from take(SourceFile(path, entry.stat().st_size, file.read_bytes, partial(_open, file)))
                except OSError as error:
                    yield RefusedSample(path, f"cannot be read: {error.strerror}")

    def _walk(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every entry that is not hidden, with its path relative to the root."""
        seen: set[tuple[int, int]] = set()  # folders, since links may lead in circles
        waiting = [(self.root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            status = _stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            inner = []
            for entry in _entries(folder):
                if is_litter(entry.name):
                    continue
                path = f"{prefix}{entry.name}"
                yield path, entry
                if entry.is_dir():
                    inner.append((Path(entry.path), f"{path}/"))
            waiting.extend(reversed(inner))


def _open(file: Path) -> IO[bytes]:
    return file.open("rb")


def _stat(folder: Path) -> os.stat_result:
    try:
        return folder.stat()
    except OSError as error:
        raise _unreadable(folder, error) from None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: OSError) -> SourceError:
    return SourceError(
        f"Expected a folder that can be read at {folder}. Received: {error.strerror}. "
        f"Check data.source and its permissions."
    )


def _size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Bytes and modification time in nanoseconds; those of the link itself where it leads nowhere."""
    status = entry.stat(follow_symlinks=entry.is_file())
    return status.st_size, status.st_mtime_ns
