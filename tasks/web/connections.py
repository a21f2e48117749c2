"""Connections to web servers on which nothing waits longer than its transfer has time left.

A timeout of a socket is one between two bytes, so a server that sends a byte now and then, of a header, say, would hold
a client up for hours. Each wait for bytes therefore ends at the transfer's deadline, whatever they are part of.

Certificates are checked against the system's; ``SSL_CERT_FILE`` names others. ``HTTPS_PROXY``, ``HTTP_PROXY`` and
``NO_PROXY`` are honoured.
"""

import contextlib
import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, cast
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationValueError, SSLError

from tasks.errors import WebError, WebUnavailable

SILENCE = 30.0  # seconds without a byte
TIMEOUT = urllib3.Timeout(connect=5, read=SILENCE)  # seconds
LEFT: ContextVar[Callable[[], float]] = ContextVar("LEFT")  # seconds that the transfer in this thread has left
CONNECTED: ContextVar[Callable[[], object]] = ContextVar("CONNECTED", default=lambda: None)  # called before a request


def open_pool(scheme: str, host: str) -> urllib3.PoolManager:
    """Return what opens connections to a host and keeps them, through a proxy where the environment names one.

    Args:
        scheme: ``https`` or ``http``.
        host: that the environment may except from a proxy.
    """
    context = ssl.create_default_context()
    proxy = getproxies().get(scheme)
    if proxy and not proxy_bypass(host):
        manager: urllib3.PoolManager = urllib3.ProxyManager(proxy, ssl_context=context)
    else:
        manager = urllib3.PoolManager(ssl_context=context)
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
    return manager


@contextlib.contextmanager
def web_errors(address: str) -> Iterator[None]:
    """Yield, and turn whatever goes wrong on a connection into a sentence.

    Args:
        address: for the sentence.

    Raises:
        WebUnavailable: the server cannot be reached, breaks off or takes too long.
        WebError: its certificate is trusted by nobody here, or the address is none.
    """
    try:
        yield
    except LocationValueError as error:
        raise WebError(f"Expected an address of the web. Received: {address} ({error}). Correct it.") from None
    except (HTTPError, OSError) as error:
        if not (isinstance(error, SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError)):
            raise WebUnavailable(f"Expected to read {address}. Received: {error}. Check the network.") from None
        raise WebError(
            f"Expected {address} to show a certificate that is trusted here. Received: {error}. "
            f"SSL_CERT_FILE names the certificates of an authority of your own."
        ) from None


class _Timely(io.RawIOBase):
    """A socket's stream, as long as the transfer has time left."""

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

    def connect(self) -> None:
        """Connect, and tell of it."""
        super().connect()
        CONNECTED.get()()


class _SafeConnection(HTTPSConnection):
    response_class = _Answer

    def connect(self) -> None:
        """Connect, shake hands, and tell of it."""
        super().connect()
        CONNECTED.get()()


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SafePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SafeConnection
