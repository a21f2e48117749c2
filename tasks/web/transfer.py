"""Files from web servers that need not be trusted.

A server must not be able to fill the disk, to hold a client up for ever or to send it elsewhere in the clear. So a
transfer has a limit of bytes and a deadline that only arriving bytes prolong; it follows a few redirects, and never one
from https to anything else; what comes compressed is not unpacked.

A transfer that breaks off goes on where it was, if the server names a strong ETag and takes a range; otherwise, and
where the file has changed meanwhile, it begins anew.

Source: RFC 9110, sections 8.8.3 (ETag), 13.1.5 (If-Range), 14 (range requests) and 15.4 (redirection).
"""

import contextlib
import io
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3

from tasks.errors import WebError, WebMissing, WebUnavailable
from tasks.files import CHUNK
from tasks.web.connections import LEFT, TIMEOUT, open_pool, web_errors

GRACE = 60.0  # seconds that any file may take, with all attempts, redirects and headers
SLOWEST = 8 << 10  # bytes a second below which, after the grace, a transfer is given up
ATTEMPTS = 4  # in a row that bring no new byte
PAUSE = 0.5  # seconds before the second attempt; doubled before each further one
REDIRECTS = 5
MOVED = {301, 302, 303, 307, 308}
TRY_LATER = {408, 429, 500, 502, 503, 504}
HEADERS = {"User-Agent": "slimline", "Accept-Encoding": "identity"}
AS_IT_IS = frozenset({"identity"})
RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
T = TypeVar("T")


class WebClient:
    """Asks one server for files.

    Args:
        address: of the server, or of anything on it.

    Raises:
        WebError: the environment names a proxy that is none.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        with web_errors(address):
            self._pool = open_pool(parts.scheme, parts.hostname or "")

    def fetch(
        self,
        address: str,
        target: BinaryIO,
        limit: int,
        *,
        unless: str = "",
        encodings: Collection[str] = AS_IT_IS,
        because: str = "",
        progress: Callable[[int], object] | None = None,
    ) -> str | None:
        """Stream a file into ``target``, in several attempts where one is not enough.

        Args:
            address: of the file, ``https://…`` or ``http://…``.
            target: empty, and can be cut off and sought; not whole when this raises.
            limit: bytes that it may have.
            unless: the tag of the file that is known; where it is still the same, nothing travels.
            encodings: values of Content-Encoding that are taken; the bytes are stored as they come in any case.
            because: why it may not have more, for the error.
            progress: told how many bytes more have come; an attempt that begins anew is not taken back.

        Returns:
            the file's tag, empty where the server names none; None: it still is ``unless``.

        Raises:
            WebMissing: there is none.
            WebUnavailable: the server cannot be reached, breaks off, is in trouble or takes too long.
            WebError: the file is larger than ``limit``, or the server refuses or leads elsewhere.
        """
        transfer = _Transfer(address, target, limit, unless, encodings, because, progress)
        return self._try(transfer, transfer.take)

    def look(self, address: str) -> Mapping[str, str]:
        """Return the headers of a file, whose content is not read.

        A GET, since a signed address allows no HEAD.

        Args:
            address: ``https://…`` or ``http://…``.

        Raises:
            WebMissing: there is none.
            WebUnavailable: the server cannot be reached, is in trouble or takes too long.
            WebError: the server refuses or leads elsewhere.
        """
        transfer = _Transfer(address, io.BytesIO(), 0)
        return self._try(transfer, transfer.look)

    def _try(self, transfer: "_Transfer", take: Callable[[urllib3.BaseHTTPResponse], T]) -> T:
        LEFT.set(transfer.left)
        failed = furthest = 0
        while True:
            try:
                with self._answer(transfer.address, transfer.headers()) as reply:
                    return take(reply)
            except WebUnavailable:
                if transfer.left() <= 0:
                    raise transfer.too_slow() from None
                failed = 1 if transfer.furthest > furthest else failed + 1
                if failed == ATTEMPTS:
                    raise
                furthest = transfer.furthest
                time.sleep(PAUSE * 2 ** (failed - 1))

    @contextlib.contextmanager
    def _answer(self, address: str, headers: dict[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """Give the answer to a GET, redirects followed: a few, and never from https to anything else."""
        current = address
        for _ in range(REDIRECTS + 1):
            with web_errors(address):
                reply = self._pool.request(
                    "GET",
                    current,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    timeout=TIMEOUT,
                )
            if reply.status not in MOVED:
                with contextlib.closing(reply):
                    yield reply
                return
            reply.close()
            current = _next_address(address, current, reply.headers.get("Location", ""))
        raise WebError(f"Expected {address} within {REDIRECTS} redirects. Received: still another. Name its real one.")


class _Transfer:
    """One file on its way into ``target``, over one connection or several."""

    def __init__(
        self,
        address: str,
        target: BinaryIO,
        limit: int,
        unless: str = "",
        encodings: Collection[str] = AS_IT_IS,
        because: str = "",
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self.address, self.target, self.limit, self.unless = address, target, limit, unless
        self.encodings, self.because, self.progress = encodings, because, progress
        self.tag = ""
        self.began, self.received, self.furthest = time.monotonic(), 0, 0

    def left(self) -> float:
        """Return the seconds until this is given up: bytes of the file that have come prolong it, headers do not."""
        return self.began + GRACE + self.received / SLOWEST - time.monotonic()

    def too_slow(self) -> WebUnavailable:
        """Return what to raise when no time is left."""
        return WebUnavailable(
            f"Expected {self.address} within {GRACE:.0f} seconds, or at more than {SLOWEST:,} bytes a second. "
            f"Received: {self.received:,} bytes until now. Check the network."
        )

    def headers(self) -> dict[str, str]:
        """Ask for the rest, where a part is here and the server can tell that it is still the same file."""
        asked = dict(HEADERS)
        if self.unless:
            asked["If-None-Match"] = self.unless
        if self.target.tell() and self.tag.startswith('"'):
            asked |= {"Range": f"bytes={self.target.tell()}-", "If-Range": self.tag}
        return asked

    def look(self, reply: urllib3.BaseHTTPResponse) -> Mapping[str, str]:
        """Return the headers of an answer."""
        self._refuse(reply)
        return reply.headers

    def take(self, reply: urllib3.BaseHTTPResponse) -> str | None:
        """Write the body of an answer; see :meth:`WebClient.fetch` for what it gives."""
        if reply.status == 304 and self.unless:
            return None
        tag, length = reply.headers.get("ETag", ""), reply.headers.get("Content-Length", "")
        whole = self._whole_size(reply, tag)
        if whole is None:
            if reply.status in {200, 206, 416}:
                self.target.seek(0)
                self.target.truncate()
            self._refuse(reply)
            self._expect_encoding(reply)
            self.tag = tag
        self._check_size(self.target.tell() + int(length if re.fullmatch("[0-9]{1,18}", length) else 0))
        while chunk := self._read(reply):
            self.target.write(chunk)
            self.received += len(chunk)
            self.furthest = max(self.furthest, self.target.tell())
            if self.progress:
                self.progress(len(chunk))
            self._check_size(self.target.tell())
        if whole is not None and self.target.tell() < whole:
            raise WebUnavailable(
                f"Expected {whole:,} bytes of {self.address}. Received: {self.target.tell():,}, as the server sends "
                f"its rest in parts. Try again later."
            )
        return None if tag and tag == self.unless else tag

    def _read(self, reply: urllib3.BaseHTTPResponse) -> bytes:
        with web_errors(self.address):
            return reply.read1(CHUNK, decode_content=False)

    def _whole_size(self, reply: urllib3.BaseHTTPResponse, tag: str) -> int | None:
        """Return the bytes of the whole file where the answer is the rest of what is here, 0 if it does not tell."""
        found = RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        here = self.target.tell()
        if reply.status != 206 or not found or int(found[1]) != here or tag not in ("", self.tag) or not here:
            return None
        return 0 if found[3] == "*" else int(found[3])

    def _refuse(self, reply: urllib3.BaseHTTPResponse) -> None:
        """Raise what an answer without the whole file means."""
        status = reply.status
        received = f"Expected {self.address}. Received: status {status} {reply.reason or ''}".rstrip()
        if status in {404, 410}:
            raise WebMissing(f"{received}, no such object.")
        if status in TRY_LATER or status in {206, 416}:  # of a range that does not fit: begin anew
            raise WebUnavailable(f"{received}. Try again later.")
        if status != 200:
            raise WebError(f"{received}. Check the address, and that everybody may read there.")

    def _expect_encoding(self, reply: urllib3.BaseHTTPResponse) -> None:
        encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in self.encodings:
            raise WebError(
                f"Expected {self.address}. Received: status 200, compressed with {encoding}. "
                f"Let the server send objects as they are."
            )

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            most = f"at most {self.limit:,} bytes{self.because and f', {self.because}'}"
            raise WebError(f"Expected {self.address} to have {most}. Received: {size:,}.")


def _next_address(address: str, current: str, location: str) -> str:
    """Return where a redirect leads to.

    Raises:
        WebError: it leads nowhere, out of the web or from https to anything else.
    """
    before = urlsplit(current).scheme
    try:
        after = urljoin(current, location)
        scheme = urlsplit(after).scheme
    except ValueError:  # no address, such as http://[
        after, scheme = location, ""
    if not location or scheme not in {"http", "https"} or (before == "https" and scheme != "https"):
        raise WebError(
            f"Expected {address} to lead to {'https' if before == 'https' else 'http or https'} addresses. "
            f"Received: a redirect to {after if location else 'nowhere'}. It is not followed."
        )
    return after
