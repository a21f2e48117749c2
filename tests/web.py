"""A web server over a folder that does what a good one does, or, for the next requests, what a test tells it to."""

import contextlib
import hashlib
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Act = Callable[["Handler"], bool]  # whether the request has been answered by it


class Web(ThreadingHTTPServer):
    """Serves ``folder``; ``script`` has what happens to the next requests, ``seen`` what was asked and answered."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.script: deque[Act] = deque()
        self.seen: list[tuple[str, dict[str, str], int]] = []
        self.tags = True
        self.scheme = "http"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hung up."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    @property
    def statuses(self) -> list[int]:
        return [status for _, _, status in self.seen]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Web
    protocol_version = "HTTP/1.1"
    breaks_after: int | None = None  # bytes of a body

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.server.script and self.server.script.popleft()(self):
            return
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            self.answer(404, b"none")
            return
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()}"' if self.server.tags else ""
        headers = {"ETag": tag} if tag else {}
        if tag and self.headers.get("If-None-Match") == tag:
            self.answer(304, b"", headers)
        elif (asked := self.headers.get("Range")) and self.headers.get("If-Range") == tag:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[first:], headers)
        else:
            self.answer(200, content, headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.server.seen.append((self.path, dict(self.headers), status))
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.breaks_after is not None:
            self.wfile.write(body[: self.breaks_after])
            self.close_connection = True
        else:
            self.wfile.write(body)


def as_usual(_: Handler) -> bool:
    """Answer as a good server does."""
    return False


def says(status: int, body: bytes = b"", **headers: str) -> Act:
    """Answer with this; ``_`` in a header's name stands for a hyphen."""

    def act(handler: Handler) -> bool:
        handler.answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return act


def breaks(after: int) -> Act:
    """Send so many bytes of what a good server would send, and hang up."""

    def act(handler: Handler) -> bool:
        handler.breaks_after = after
        return False

    return act


def drips(beginning: bytes, again: bytes) -> Act:
    """Send a beginning and then the same few bytes for ever, each long before a silence would be noticed."""

    def act(handler: Handler) -> bool:
        handler.close_connection = True
        try:
            handler.wfile.write(beginning)
            while True:
                handler.wfile.write(again)
                time.sleep(0.02)
        except OSError:
            return True

    return act


def endless(handler: Handler) -> bool:
    """Send a body without an end, as fast as it goes."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
    handler.close_connection = True
    return True


def hangs(until: threading.Event) -> Act:
    """Take the request and send nothing."""

    def act(handler: Handler) -> bool:
        handler.close_connection = until.wait(60)
        return True

    return act


def in_parts(size: int) -> Act:
    """Answer with no more than so many bytes of what is asked for, as a server does that cuts long ranges."""

    def act(handler: Handler) -> bool:
        asked = handler.headers.get("Range")
        if not asked:
            return False
        content = (handler.server.folder / handler.path.lstrip("/")).read_bytes()
        first = int(asked.removeprefix("bytes=").removesuffix("-"))
        part = content[first : first + size]
        found = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}"}
        handler.answer(206, part, found)
        return True

    return act


@contextlib.contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[Web]:
    """A server over ``folder`` while the block lasts, with TLS where there is a certificate (with its key)."""
    with Web(folder) as web:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # hands are shaken in the thread of the request: one that never comes holds up no other, nor the end
            web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
            web.scheme = "https"
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield web
        finally:
            web.shutdown()
            thread.join()


def make_certificate(path: Path) -> Path:
    """A self-made certificate of 127.0.0.1, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    made = datetime.now(UTC) - timedelta(hours=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made)
        .not_valid_after(made + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
