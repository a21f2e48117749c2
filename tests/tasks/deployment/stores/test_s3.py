import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tasks.deployment.stores.protocol import Store
from tasks.deployment.stores.s3 import S3Store
from tasks.errors import Conflict, StoreError, StoreUnavailable
from tests.servers import free_port

KEY = "models/digits/channels/production.json"


class Relay(BaseHTTPRequestHandler):
    """Hands requests on to the real server; the answers of the first writes are lost or turned into errors."""

    protocol_version = "HTTP/1.1"
    target = ""
    lose: Callable[["Relay"], None]
    losses = 0

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = http.client.HTTPConnection(urlsplit(self.target).netloc)
        server.request(self.command, self.path, body, dict(self.headers))
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if self.command == "PUT" and type(self).losses:
            type(self).losses -= 1
            type(self).lose(self)
            return
        self.send_response(answer.status)
        for name in ("ETag", "Content-Type", "Last-Modified"):
            if value := answer.getheader(name):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = relay  # noqa: N815 - the names are http.server's

    def hang_up(self) -> None:
        self.close_connection = True

    def fail(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def relay(target: str, lose: Callable[[Relay], None], losses: int) -> Iterator[str]:
    handler = type("Handler", (Relay,), {"target": target, "lose": lose, "losses": losses})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def direct(s3_url: str) -> Store:
    """The store behind the relay."""
    return S3Store(s3_url)


@pytest.mark.parametrize("lose", [Relay.hang_up, Relay.fail])
def test_a_write_refused_by_its_own_success_succeeds(
    direct: Store,
    s3_url: str,
    s3_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[Relay], None],
) -> None:
    with relay(s3_endpoint, lose, losses=1) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        S3Store(s3_url).compare_and_swap(KEY, b"mine", None)
    assert direct.get(KEY).content == b"mine"


def test_a_write_whose_answers_are_all_lost_is_found_to_be_there(
    direct: Store, s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.put(KEY, b"old")
    tag = direct.get(KEY).tag
    with relay(s3_endpoint, Relay.fail, losses=4) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        S3Store(s3_url).compare_and_swap(KEY, b"mine", tag)
    assert direct.get(KEY).content == b"mine"


def test_a_lost_answer_does_not_hide_a_conflict(
    direct: Store, s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.put(KEY, b"theirs")
    with relay(s3_endpoint, Relay.hang_up, losses=1) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(Conflict):
            S3Store(s3_url).compare_and_swap(KEY, b"mine", None)
    assert direct.get(KEY).content == b"theirs"


def test_a_wrong_endpoint_says_so(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match=r"Could not connect to the endpoint.*AWS_ENDPOINT_URL"):
        S3Store(s3_url).get(KEY)


def test_a_missing_bucket_says_so(s3_url: str) -> None:
    store = S3Store("s3://no-such-bucket/prefix")
    for use in (lambda: store.get(KEY), lambda: store.put_if_absent(KEY, b""), lambda: list(store.list("models"))):
        with pytest.raises(StoreError, match=r"NoSuchBucket.*Create the bucket"):
            use()


def test_stores_of_one_bucket_keep_apart(s3_url: str) -> None:
    mine, theirs = S3Store(f"{s3_url}/a"), S3Store(f"{s3_url}/b/")
    mine.put(KEY, b"mine")
    theirs.put(KEY, b"theirs")
    assert mine.get(KEY).content == b"mine"
    assert [entry.key for entry in theirs.list("models")] == [KEY]
