"""Objects behind an ``http://`` or ``https://`` address, to be read only: what a device needs, without an account.

Any web server will do that serves the store's keys as paths: a bucket's public address, a CDN before it, a folder of
nginx. What comes is verified by those who ask, so the server need not be trusted; it must only not be able to fill
the disk, to hold a device up for ever or to send it elsewhere in the clear.

A transfer that breaks off goes on where it was, if the server names a strong ETag and takes a range.

A timeout of a socket is one between two bytes, so a server that sends a byte now and then, of a header, say, would hold
a device up for hours. Each wait for bytes therefore ends at the transfer's deadline, whatever they are part of.
"""

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError

from tasks.deployment.stores.protocol import SMALL, Object, Progress, Readable, check_key
from tasks.errors import ConfigError, NotFound, StoreError, StoreUnavailable
from tasks.files import CHUNK

SILENCE = 30.0  # seconds without a byte
TIMEOUT = urllib3.Timeout(connect=5, read=SILENCE)  # seconds
GRACE = 60.0  # seconds that any object may take, with all attempts, redirects and headers
SLOWEST = 8 << 10  # bytes a second below which, after the grace, a transfer is given up
LEFT: ContextVar[Callable[[], float]] = ContextVar("LEFT")  # seconds that the transfer in this thread has left
ATTEMPTS = 4
PAUSE = 0.5  # seconds before the second attempt; doubled before each further one
REDIRECTS = 5
MOVED = {301, 302, 303, 307, 308}
TRY_LATER = {408, 429, 500, 502, 503, 504}
HEADERS = {"User-Agent": "slimline", "Accept-Encoding": "identity"}


class HttpStore:
    """A read-only store under an address.

    Certificates are checked against the system's; ``SSL_CERT_FILE`` names others. ``HTTPS_PROXY``, ``HTTP_PROXY`` and
    ``NO_PROXY`` are honoured.

    Args:
        url: ``https://host/path`` or ``http://host/path``, without user, query and fragment.

    Raises:
        ConfigError: the address is not such a one.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ConfigError(
                f"Expected the address of a store without user, query and fragment, as https://host/path. "
                f"Received: {url!r}."
            )
        self._pool = _pool(parts.scheme, parts.hostname)

    def get(self, key: str) -> Object:
        """See :meth:`Readable.get`."""
        found = self.get_if_changed(key, "")
        if found is None:
            raise StoreError(f"Expected {key} from {self.url}. Received: status 304, which nobody asked for.")
        return found

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Readable.get_if_changed`."""
        target = io.BytesIO()
        found = self._fetch(key, target, SMALL, tag)
        return None if found is None else Object(target.getvalue(), found)

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """See :meth:`Readable.read_to`; an attempt that begins anew is not taken back from ``progress``."""
        with path.open("wb") as target:
            self._fetch(key, target, limit, "", progress)

    def _fetch(
        self, key: str, target: BinaryIO, limit: int, unless: str, progress: Progress | None = None
    ) -> str | None:
        """Stream an object into ``target``, in several attempts where one is not enough.

        Returns:
            the object's tag, empty where the server names none; None: it still is ``unless``.
        """
        address = f"{self.url}/{check_key(key)}"
        transfer = _Transfer(address, target, limit, unless, progress)
        LEFT.set(transfer.left)
        for attempt in range(ATTEMPTS):
            time.sleep(PAUSE * 2 ** (attempt - 1) if attempt else 0)
            try:
                with self._answer(address, transfer.headers()) as reply:
                    return transfer.take(reply)
            except StoreUnavailable:
                if transfer.left() <= 0:
                    raise transfer.too_slow() from None
                if attempt + 1 == ATTEMPTS:
                    raise
        raise AssertionError  # unreachable: the last attempt returns or raises

    @contextlib.contextmanager
    def _answer(self, address: str, headers: dict[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a GET, redirects followed: a few, and never from https to anything else."""
        place = address
        for _ in range(REDIRECTS + 1):
            with _errors(address):
                reply = self._pool.request(
                    "GET", place, headers=headers, redirect=False, retries=False, preload_content=False, timeout=TIMEOUT
                )
            if reply.status not in MOVED:
                with contextlib.closing(reply):
                    yield reply
                return
            reply.close()
            place = _next_place(address, place, reply.headers.get("Location", ""))
        raise StoreError(
            f"Expected {address} within {REDIRECTS} redirects. Received: still another. Name its real one."
        )


class _Transfer:
    """One object on its way into ``target``, over one connection or several."""

    def __init__(self, address: str, target: BinaryIO, limit: int, unless: str, progress: Progress | None) -> None:
        self.progress = progress
        self.address, self.target, self.limit, self.unless = address, target, limit, unless
        self.tag = ""
        self.began, self.received = time.monotonic(), 0

    def left(self) -> float:
        """Seconds until this is given up: bytes of the object that have come prolong it, headers do not."""
        return self.began + GRACE + self.received / SLOWEST - time.monotonic()

    def too_slow(self) -> StoreUnavailable:
        """What to raise when no time is left."""
        return StoreUnavailable(
            f"Expected {self.address} within {GRACE:.0f} seconds, or at more than {SLOWEST:,} bytes a second. "
            f"Received: {self.received:,} bytes until now. Check the network."
        )

    def headers(self) -> dict[str, str]:
        """What to ask for: the rest, where a part is here and the server can tell that it is still the same object."""
        asked = dict(HEADERS)
        if self.unless:
            asked["If-None-Match"] = self.unless
        if self.target.tell() and self.tag.startswith('"'):
            asked |= {"Range": f"bytes={self.target.tell()}-", "If-Range": self.tag}
        return asked

    def take(self, reply: urllib3.BaseHTTPResponse) -> str | None:
        """Write the body of an answer; see :meth:`HttpStore._fetch` for what it gives."""
        if reply.status == 304 and self.unless:
            return None
        tag, length = reply.headers.get("ETag", ""), reply.headers.get("Content-Length", "")
        if not self._goes_on(reply, tag):
            if reply.status in {200, 206, 416}:
                self.target.seek(0)
                self.target.truncate()
            self._refuse(reply)
            self.tag = tag
        self._check_size(self.target.tell() + int(length if length.isdecimal() else 0))
        while chunk := self._read(reply):
            self.target.write(chunk)
            self.received += len(chunk)
            if self.progress:
                self.progress(len(chunk))
            self._check_size(self.target.tell())
        return None if tag and tag == self.unless else tag

    def _read(self, reply: urllib3.BaseHTTPResponse) -> bytes:
        with _errors(self.address):
            return reply.read1(CHUNK, decode_content=False)

    def _goes_on(self, reply: urllib3.BaseHTTPResponse, tag: str) -> bool:
        """Whether the answer is the rest of what is here."""
        begins = reply.headers.get("Content-Range", "").startswith(f"bytes {self.target.tell()}-")
        return reply.status == 206 and begins and tag in ("", self.tag) and self.target.tell() > 0

    def _refuse(self, reply: urllib3.BaseHTTPResponse) -> None:
        """Raise what an answer without the whole object means."""
        status, encoding = reply.status, reply.headers.get("Content-Encoding", "identity")
        received = f"Expected {self.address}. Received: status {status} {reply.reason or ''}".rstrip()
        if status in {404, 410}:
            raise NotFound(f"{received}, no such object.")
        if status in TRY_LATER or status in {206, 416}:  # of a range that does not fit: begin anew
            raise StoreUnavailable(f"{received}. Try again later.")
        if status != 200:
            raise StoreError(f"{received}. Check the address, and that everybody may read there.")
        if encoding != "identity":
            raise StoreError(f"{received}, compressed with {encoding}. Let the server send objects as they are.")

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            raise StoreError(f"Expected {self.address} to have at most {self.limit:,} bytes. Received: {size:,}.")


class _Timely(io.RawIOBase):
    """What a socket receives, as long as the transfer has time left."""

    def __init__(self, source: io.RawIOBase, connection: socket.socket, left: Callable[[], float]) -> None:
        self.source, self.connection, self.left = source, connection, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Wait for the next bytes."""
        if (left := self.left()) <= 0:
            raise TimeoutError("no time left")
        self.connection.settimeout(min(left, SILENCE))
        return cast("int | None", cast(Any, self.source).readinto(buffer))

    def close(self) -> None:
        """Let go of the socket."""
        self.source.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer of which everything, from its first line on, has to come within the transfer's time."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timely(self.fp.detach(), sock, LEFT.get()))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SafeConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SafePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SafeConnection


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    context = ssl.create_default_context()
    proxy = getproxies().get(scheme)
    if proxy and not proxy_bypass(host):
        manager: urllib3.PoolManager = urllib3.ProxyManager(proxy, ssl_context=context)
    else:
        manager = urllib3.PoolManager(ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
    return manager


def _next_place(address: str, place: str, location: str) -> str:
    """Where a redirect leads to."""
    after = urljoin(place, location)
    scheme, before = urlsplit(after).scheme, urlsplit(place).scheme
    if not location or scheme not in {"http", "https"} or (before == "https" and scheme != "https"):
        raise StoreError(
            f"Expected {address} to lead to {'https' if before == 'https' else 'http or https'} addresses. "
            f"Received: a redirect to {after if location else 'nowhere'}. It is not followed."
        )
    return after


@contextlib.contextmanager
def _errors(address: str) -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError) as error:
        if not (isinstance(error, SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError)):
            raise StoreUnavailable(f"Expected to read {address}. Received: {error}. Check the network.") from None
        raise StoreError(
            f"Expected {address} to show a certificate that is trusted here. Received: {error}. "
            f"SSL_CERT_FILE names the certificates of an authority of your own."
        ) from None


if TYPE_CHECKING:
    _: type[Readable] = HttpStore
