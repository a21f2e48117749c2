import contextlib
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.errors import WebError, WebMissing, WebUnavailable
from tasks.web import transfer
from tasks.web.transfer import WebClient
from tests.web import Web, breaks, hangs, in_parts, says, serving

BIG = bytes(range(256)) * 4_000
LIMIT = len(BIG)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    (tmp_path / "served").mkdir()
    (tmp_path / "served/big").write_bytes(BIG)
    with serving(tmp_path / "served") as web:
        yield web


def fetched(web: Web, limit: int = LIMIT) -> bytes:
    target = io.BytesIO()
    WebClient(web.url).fetch(f"{web.url}/big", target, limit)
    return target.getvalue()


def test_a_transfer_goes_on_as_long_as_each_attempt_brings_something_new(web: Web) -> None:
    web.script.extend([breaks(100_000)] * (transfer.ATTEMPTS + 2))
    assert fetched(web) == BIG
    assert web.statuses == [200, *[206] * (transfer.ATTEMPTS + 2)]


def test_a_transfer_that_always_breaks_at_the_same_place_is_given_up(web: Web) -> None:
    web.tags = False
    web.script.extend([breaks(100_000)] * 20)
    with pytest.raises(WebUnavailable, match="Check the network"):
        fetched(web)
    assert web.statuses == [200] * transfer.ATTEMPTS


def test_a_rest_that_comes_in_parts_is_put_together(web: Web) -> None:
    web.script.extend([breaks(100_000), *[in_parts(200_000)] * 5])
    assert fetched(web) == BIG
    assert web.statuses == [200, *[206] * 5]


def test_a_part_is_not_taken_for_the_rest(web: Web) -> None:
    web.script.extend([breaks(100_000), in_parts(1000), *[says(503)] * 20])
    with pytest.raises(WebUnavailable, match="status 503"):
        fetched(web)


def test_a_range_that_the_server_refuses_lets_the_transfer_begin_anew(web: Web) -> None:
    web.script.extend([breaks(100_000), says(416)])
    assert fetched(web) == BIG
    assert web.statuses == [200, 416, 200]


@pytest.mark.parametrize("length", [LIMIT + 1, LIMIT - 1, 10**17])
def test_another_length_than_the_body_has_ends_in_a_sentence_or_its_bytes(web: Web, length: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()

    def lies(handler: object) -> bool:
        handler.wfile.write(head + BIG)  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]
        return True

    web.script.extend([lies] * 20)
    if length < LIMIT:
        assert fetched(web) == BIG[:length]
    else:
        with pytest.raises(WebError, match="at most 1,024,000 bytes"):
            fetched(web)
        with pytest.raises(WebError, match=r"Check the network|at most"):
            fetched(web, LIMIT + 1)


def test_a_server_that_says_nothing_is_given_up(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "GRACE", 0.2)
    over = threading.Event()
    web.script.extend([hangs(over)] * transfer.ATTEMPTS)
    began = time.monotonic()
    try:
        with pytest.raises(WebUnavailable, match="bytes a second"):
            fetched(web)
        with pytest.raises(WebUnavailable, match="bytes a second"):
            WebClient(web.url).look(f"{web.url}/big")
    finally:
        over.set()
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("place", ["http://[", "https://[::1", "//[", "http://host:port/x", "http://a b/"])
def test_a_redirect_to_what_is_no_address_ends_in_a_sentence(web: Web, place: str) -> None:
    web.script.append(says(302, Location=place))
    with pytest.raises(WebError, match="Received: "):
        fetched(web)


@pytest.mark.parametrize("length", ["-5", "x", "1e3", "٣", "9" * 400, ""])
def test_a_length_that_is_no_number_is_no_length(web: Web, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\nabc".encode()

    def lies(handler: object) -> bool:
        handler.wfile.write(head)  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]
        return True

    web.script.extend([lies] * transfer.ATTEMPTS)
    with contextlib.suppress(WebError):
        assert fetched(web) == b"abc"


def test_only_the_headers_of_a_file_are_looked_at(web: Web) -> None:
    client = WebClient(web.url)
    web.script.append(says(500))
    headers = client.look(f"{web.url}/big")
    assert headers["Content-Length"] == str(LIMIT)
    assert headers["ETag"].startswith('"')
    with pytest.raises(WebMissing):
        client.look(f"{web.url}/none")
    assert web.statuses == [500, 200, 404]


def test_a_proxy_that_is_none_ends_in_a_sentence(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://proxy")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(WebError, match="gopher"):
        WebClient(web.url)
