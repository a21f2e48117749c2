"""Receivers of messages on loopback: a mail server with TLS and a login, and a web server that takes what is posted."""

import contextlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import free_port

USER, PASSWORD = "ops", "correct horse"


@dataclass
class Mailbox:
    """Mails that came, and what the server says to the next ones: an answer for each, 250 when there is none left."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    people: list[tuple[str, list[str]]] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    answers: deque[str | Callable[[], str]] = field(default_factory=deque)
    refused: set[str] = field(default_factory=set)  # people who get no mail here

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 nobody here is called so"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.popleft() if self.answers else "250 taken"
        answer = answer() if callable(answer) else answer
        if answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.original_content or b"", EmailMessage, policy=SMTP_POLICY))
            self.people.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
            self.secure.append(server.transport is not None and server.transport.get_extra_info("cipher") is not None)
        return answer


@contextlib.contextmanager
def mail_server(certificate: Path | None = None, security: str = "none", login: bool = False) -> Iterator[Mailbox]:
    """A mail server while the block lasts; with ``tls`` or ``starttls`` by this certificate, with a login or not."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    box = Mailbox(free_port())

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        box.logins.append(data.login.decode())
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    starttls: dict[str, Any] = {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ready_timeout=60,
        ssl_context=context if security == "tls" else None,
        authenticator=authenticate if login else None,
        auth_required=login and security == "starttls",  # it warns of others
        auth_require_tls=security == "starttls",
        **starttls,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Post:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Act = Callable[["Handler"], None]


class Receiver(ThreadingHTTPServer):
    """Takes what is posted; ``script`` says what happens to the next requests, 200 when there is none left."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: list[Post] = []
        self.script: deque[Act] = deque()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hung up."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.posts.append(Post(self.path, dict(self.headers), body))
        act = self.server.script.popleft() if self.server.script else says(200, b"ok")
        act(self)


def says(status: int, body: bytes = b"", **headers: str) -> Act:
    """Answer with this; ``_`` in a header's name stands for a hyphen."""

    def act(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


def breaks_off(handler: Handler) -> None:
    """Take the request, and close the connection without a word."""
    handler.close_connection = True


def hangs(until: threading.Event) -> Act:
    """Take the request and say nothing."""

    def act(handler: Handler) -> None:
        until.wait(60)

    return act


@contextlib.contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver while the block lasts, with TLS where there is a certificate."""
    with Receiver() as receiver:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            receiver.socket = context.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
            receiver.scheme = "https"
        thread = threading.Thread(target=receiver.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


@contextlib.contextmanager
def nobody_else(_outbox: object) -> Iterator[Callable[[str], bool]]:
    """Claim every event without a server, in place of `flows.line.claims.claims`: other tests may have left one."""
    yield lambda _: True
