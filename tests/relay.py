"""A server between a client and a real one, that hands requests on as they are, or does to them what a test wants."""

import contextlib
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CONDITIONS = {"if-match", "if-none-match"}
OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "expect"}


@dataclass(frozen=True)
class Answer:
    """The answer of the real server."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Request(BaseHTTPRequestHandler):
    """A request under way."""

    protocol_version = "HTTP/1.1"
    server: "Relay"

    def handle_request(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with contextlib.suppress(ConnectionError):  # the client has gone
            self.server.policy(self)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_request  # noqa: N815 - the names are http.server's

    @property
    def conditional(self) -> bool:
        """Tell whether it is a write under a condition."""
        return self.command == "PUT" and any(name.lower() in CONDITIONS for name in self.headers)

    def forward(self, without: set[str] | frozenset[str] = frozenset()) -> Answer:
        """The answer of the real server to it."""
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in without | OF_ONE_CONNECTION
        }
        server = http.client.HTTPConnection(self.server.target, timeout=60)
        with contextlib.closing(server):
            server.request(self.command, self.path, self.body, headers)
            answer = server.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in OF_ONE_CONNECTION}
            return Answer(answer.status, kept, answer.read())

    def reply(self, answer: Answer, upto: int | None = None) -> None:
        """Pass an answer back; with ``upto`` only so many bytes of its body arrive."""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"date", "server", "content-length"}:
                self.send_header(name, value)
        length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(answer.body))
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(answer.body[:upto])
        if upto is not None:
            self.hang_up()

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer in the server's stead."""
        self.reply(Answer(status, headers, body))

    def hang_up(self) -> None:
        """End the connection, whatever was said until now."""
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


Policy = Callable[[Request], None]


class Relay(ThreadingHTTPServer):
    """Listens on loopback and treats each request by a policy."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, target: str, policy: Policy) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.target = urlsplit(target).netloc
        self.policy = policy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none."""


def honest(request: Request) -> None:
    """Hand everything on."""
    request.reply(request.forward())


def forgetful(request: Request) -> None:
    """Write whatever the condition says, as some servers do."""
    request.reply(request.forward(without=CONDITIONS if request.command == "PUT" else frozenset()))


def refusing(request: Request) -> None:
    """Take no conditional write, as some servers do."""
    if request.conditional:
        request.say(501, b"<Error><Code>NotImplemented</Code></Error>")
    else:
        honest(request)


class Faults:
    """Drops, delays, truncates and answers 500 or 503 to a share of the requests; ``seen`` counts what was done."""

    def __init__(self, share: float, seed: int) -> None:
        self.share = share
        self.seen: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> None:
        kinds = ("lost request", "lost answer", "late answer", "truncated answer", "500", "503", "500 after the fact")
        with self._lock:
            kind = self._random.choice(kinds) if self._random.random() < self.share else "honest"
            self.seen[kind] += 1
        if kind == "lost request":
            request.hang_up()
        elif kind in {"500", "503"}:
            request.say(int(kind))
        else:
            self._after(kind, request, request.forward())

    def _after(self, kind: str, request: Request, answer: Answer) -> None:
        if kind == "late answer":
            time.sleep(0.1)
        if kind == "lost answer":
            request.hang_up()
        elif kind == "500 after the fact":
            request.say(500)
        else:
            request.reply(answer, upto=len(answer.body) // 2 if kind == "truncated answer" else None)


@contextlib.contextmanager
def relay(target: str, policy: Policy = honest) -> Iterator[str]:
    """Run a relay before the server at ``target`` and give its URL."""
    with Relay(target, policy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
