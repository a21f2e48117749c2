"""An archive behind an http:// or https:// address."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from tasks.data_loading.sources.archive import FORMATS, Archive, format_of
from tasks.data_loading.sources.protocol import Source
from tasks.errors import SourceError

TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class HttpFile:
    """A file behind an address."""

    location: str

    @property
    def place(self) -> str:
        """The address."""
        return self.location

    def identity(self) -> tuple[int, str]:
        """Size, and the ETag or else the time that the server names; -1 where it names no size."""
        with self._request() as response:
            headers = response.headers
        version = headers.get("ETag") or headers.get("Last-Modified") or ""
        return int(headers.get("Content-Length", -1)), version

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The response's body."""
        with self._request() as response:
            try:
                yield response
            except (OSError, http.client.HTTPException) as error:
                raise self._failed(error) from None

    def _request(self) -> http.client.HTTPResponse:
        request = urllib.request.Request(self.location, headers={"User-Agent": "slimline"})
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            raise self._failed(error) from None
        assert isinstance(response, http.client.HTTPResponse)
        return response

    def _failed(self, error: Exception) -> SourceError:
        return SourceError(f"Expected to read {self.location}. Received: {error}. Check the address and the network.")


def open_http(location: str) -> Source:
    """The archive at an address."""
    form = format_of(urlsplit(location).path)
    if form is None:
        raise SourceError(
            f"Expected an address that ends in {', '.join(FORMATS)}. Received: {location}. "
            f"Pack the class folders into such an archive."
        )
    return Archive(HttpFile(location), form)
