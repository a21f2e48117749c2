"""An archive or a table, wherever it lies: where its bytes come from and how they are read are two tables."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from tasks.data_loading.sources.npz import read_npz
from tasks.data_loading.sources.protocol import Entry, See, SourceListing, digest_of
from tasks.data_loading.sources.tar import read_tar
from tasks.data_loading.sources.zip import read_zip
from tasks.errors import SourceError
from tasks.files import CHUNK
from tasks.paths import local
from tasks.workloads.items import Item, SourceFile, TakeFile

TEMPORARY = Path(".slimline/tmp")


@dataclass(frozen=True)
class Format:
    """A format of files that hold samples.

    ``seeks``: its table of contents stands at the end, so a stream will not do.
    """

    name: str
    read: Callable[[IO[bytes], str, TakeFile], Iterator[Item]]
    seeks: bool


def read_file(stream: IO[bytes], location: str, take: TakeFile) -> Iterator[Item]:
    """The samples of a single file, which is no archive.

    Args:
        stream: of the content.
        location: of the file, for its name.
        take: the workload's view of a file.

    Returns:
        what the workload takes out of it.
    """
    yield from take(SourceFile(location.rpartition("/")[2], -1, stream.read, lambda: contextlib.nullcontext(stream)))


TAR = Format("tar", read_tar, seeks=False)
TABLE = Format("table", read_file, seeks=False)
TABLES = ("csv", "tsv", "jsonl", "ndjson", "inter", "data", "dat")  # the last three are of ratings
COMPRESSED = ("", ".gz", ".bz2", ".xz")
FORMATS = {
    ".tar": TAR,
    ".tar.gz": TAR,
    ".tgz": TAR,
    ".tar.bz2": TAR,
    ".tar.xz": TAR,
    ".zip": Format("zip", read_zip, seeks=True),
    ".npz": Format("npz", read_npz, seeks=True),
    **{f".{kind}{more}": TABLE for kind in TABLES for more in COMPRESSED},
    ".parquet": Format("parquet", read_file, seeks=True),
}
ENDINGS = ", ".join([*(suffix for suffix, form in FORMATS.items() if form is not TABLE), ".csv", ".tsv", ".jsonl"])


class RemoteFile(Protocol):
    """One file that is not necessarily on this machine."""

    @property
    def location(self) -> str:
        """Path or address, as it was given."""

    @property
    def canonical(self) -> str:
        """The same in one form, however it was given."""

    def identity(self) -> tuple[int, str]:
        """Return the size in bytes, and an ETag or a time that changes when the content does."""

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Return a stream of the bytes, from the first to the last."""


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine."""

    location: str

    @property
    def canonical(self) -> str:
        """Return where it really lies."""
        return local(self.location)

    def identity(self) -> tuple[int, str]:
        """Return the size in bytes and the modification time."""
        with self.open() as file:
            status = os.fstat(file.fileno())
        return status.st_size, str(status.st_mtime_ns)

    def open(self) -> IO[bytes]:
        """Return the file, open.

        Raises:
            SourceError: it is missing or cannot be read.
        """
        try:
            return Path(self.location).expanduser().open("rb")
        except OSError as error:
            raise SourceError(
                f"Expected {self.location} to be a file that can be read. Received: {error.strerror}. "
                f"Check data.source and its permissions."
            ) from None


class Archive:
    """One file of samples: a .tar, .tar.gz, .zip or .npz archive, or a table."""

    def __init__(self, file: RemoteFile, form: Format) -> None:
        self.file = file
        self.form = form
        self.kind = form.name

    def listing(self, see: See | None = None) -> SourceListing:
        """The archive's own size and version; it is not opened."""
        size, version = self.file.identity()
        if not size:
            raise SourceError(
                f"Expected {self.file.location} to hold samples. Received: an empty file. Fetch it again."
            )
        digest, count = digest_of([Entry("", size, version)], see)
        return SourceListing(kind=self.kind, location=self.file.canonical, digest=digest, files=count)

    def items(self, take: TakeFile) -> Iterator[Item]:
        """The archive's members, in its order."""
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(self.file.open())
            if self.form.seeks and not stream.seekable():
                TEMPORARY.mkdir(parents=True, exist_ok=True)
                spooled = stack.enter_context(tempfile.TemporaryFile(dir=TEMPORARY))
                shutil.copyfileobj(stream, spooled, CHUNK)
                stream = spooled
            yield from self.form.read(stream, self.file.location, take)


def format_of(location: str) -> Format | None:
    """Return the format that a name's ending tells, or None.

    Args:
        location: a path or an address.
    """
    name = location.lower()
    return next((form for suffix, form in FORMATS.items() if name.endswith(suffix)), None)
