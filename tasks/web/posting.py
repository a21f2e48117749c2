"""One POST to a web server that need not be trusted, within a deadline; no redirect is followed.

Nothing that this raises names the address, which may be a secret.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from tasks.errors import WebError, WebUnavailable
from tasks.web.connections import CONNECTED, LEFT, TIMEOUT, open_pool

SHOWN = 300  # bytes of an answer's body that are read


@dataclass(frozen=True)
class Answer:
    """The answer of a server: its status, its headers, and the beginning of what it said."""

    status: int
    headers: Mapping[str, str]
    said: str


def post(
    address: str, body: bytes, headers: Mapping[str, str], seconds: float, handing_over: Callable[[], object]
) -> Answer:
    """Return the answer to a body that was sent.

    Args:
        address: ``https://…`` or ``http://…``.
        body: all of it.
        headers: of the request.
        seconds: that all of it may take.
        handing_over: is called when the connection stands, before anything of the request leaves.

    Raises:
        WebUnavailable: the server cannot be reached, breaks off or takes too long.
        WebError: the address is none.
    """
    deadline = time.monotonic() + seconds
    LEFT.set(lambda: deadline - time.monotonic())
    CONNECTED.set(handing_over)
    parts = urlsplit(address)
    try:
        pool = open_pool(parts.scheme, parts.hostname or "")
        reply = pool.request(
            "POST",
            address,
            body=body,
            headers={"User-Agent": "slimline", "Accept-Encoding": "identity", **headers},
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=TIMEOUT,
        )
        with contextlib.closing(reply):
            said = reply.read1(SHOWN, decode_content=False) if reply.status != 204 else b""
            return Answer(reply.status, reply.headers, said.decode(errors="replace"))
    except (ValueError, HTTPError, OSError) as error:
        words = _words(error)
        if words is None:
            raise WebError("Expected an address of the web. Received: none.") from None
        raise WebUnavailable(words) from None


def _words(error: BaseException) -> str | None:
    """Say what went wrong in words of our own: urllib3's have the address; None if the address is none."""
    reasons = {
        "NameResolutionError": "its name is not known",
        "NewConnectionError": "no connection",
        "ConnectTimeoutError": "no connection in time",
        "ReadTimeoutError": "no answer in time",
        "TimeoutError": "no answer in time",
        "ProxyError": "the proxy does not let it through",
    }
    name = type(error).__name__
    if name in {"LocationValueError", "LocationParseError", "URLSchemeUnknown", "InvalidHeader", "ValueError"}:
        return None
    if name == "SSLError":
        return f"TLS failed ({_reason(error)}); SSL_CERT_FILE names the certificates of an authority of your own"
    return reasons.get(name, "the connection broke off")


def _reason(error: BaseException) -> str:
    """Return OpenSSL's word for it, as CERTIFICATE_VERIFY_FAILED."""
    inner = error.args[0] if error.args else error
    told = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
    return str(told or "no reason given")[:100]
