"""An archive behind an http:// or https:// address."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from tasks.data_loading.sources.archive import ENDINGS, TEMPORARY, Archive, format_of
from tasks.data_loading.sources.protocol import Source
from tasks.errors import SourceError, WebError
from tasks.web.transfer import AS_IT_IS, WebClient

SPARE = 1 << 30  # bytes of the disk that stay free, or half of what is free where that is less
# Web servers take the compression of an archive for one of the transfer.
ENCODINGS = {".gz": {"gzip", "x-gzip"}, ".tgz": {"gzip", "x-gzip"}, ".bz2": {"bzip2", "x-bzip2"}, ".xz": {"xz", "x-xz"}}


@dataclass(frozen=True)
class HttpFile:
    """A file behind an address."""

    location: str

    @property
    def canonical(self) -> str:
        """The address."""
        return self.location

    def identity(self) -> tuple[int, str]:
        """Return the size in bytes, -1 where the server names none, and the ETag or else the time that it names."""
        with _source_errors():
            headers = WebClient(self.location).look(self.location)
        size, version = headers.get("Content-Length", ""), headers.get("ETag") or headers.get("Last-Modified") or ""
        return int(size) if size.isascii() and size.isdigit() and len(size) < 19 else -1, version

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Yield the file, fetched into one that nobody else sees; a transfer that breaks off goes on.

        Raises:
            SourceError: the server does not give it.
        """
        TEMPORARY.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=TEMPORARY) as file:
            free = shutil.disk_usage(TEMPORARY).free
            limit = max(free - SPARE, free // 2)
            try:
                with _source_errors():
                    client, room = WebClient(self.location), "which is what the disk has room for"
                    client.fetch(self.location, file, limit, encodings=self._encodings(), because=room)
            except OSError as error:
                raise SourceError(
                    f"Expected room for {self.location} in {TEMPORARY}. Received: {error.strerror}. Make room."
                ) from None
            file.seek(0)
            yield file

    def _encodings(self) -> frozenset[str]:
        path = urlsplit(self.location).path.lower()
        return AS_IT_IS.union(*(names for suffix, names in ENCODINGS.items() if path.endswith(suffix)))


def open_http(location: str) -> Source:
    """Return the archive at an address.

    Args:
        location: ``https://…`` or ``http://…``.

    Raises:
        SourceError: it is no address, or its ending is that of no archive.
    """
    try:
        parts = urlsplit(location)
    except ValueError as error:  # such as http://[
        raise SourceError(f"Expected the address of an archive. Received: {location} ({error}). Correct it.") from None
    if "@" in parts.netloc:
        raise SourceError(
            f"Expected the address of an archive without user and password. Received: one with them, on "
            f"{parts.hostname}. Use an address that is signed, or a source at s3://."
        )
    form = format_of(parts.path)
    if form is None:
        raise SourceError(
            f"Expected an address that ends in {ENDINGS}. Received: {location}. "
            f"Pack the class folders into such an archive."
        )
    return Archive(HttpFile(location), form)


@contextlib.contextmanager
def _source_errors() -> Iterator[None]:
    try:
        yield
    except WebError as error:
        raise SourceError(str(error)) from None
