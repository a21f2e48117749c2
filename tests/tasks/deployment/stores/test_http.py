import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.deployment.stores.http import HttpStore
from tasks.deployment.stores.opening import open_reader, open_store
from tasks.deployment.stores.protocol import SMALL
from tasks.errors import ConfigError, NotFound, StoreError, StoreUnavailable
from tasks.web import transfer
from tests.servers import free_port
from tests.web import Handler, Web, as_usual, breaks, drips, endless, make_certificate, says, serving

KEY = "models/digits/channels/production.json"
BIG = bytes(range(256)) * 8_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "served" / KEY
    place.parent.mkdir(parents=True)
    place.write_bytes(b"one")
    return tmp_path / "served"


@pytest.fixture
def web(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    with serving(folder) as web:
        yield web


@pytest.fixture
def store(web: Web) -> HttpStore:
    return HttpStore(web.url)


def test_an_object_is_read_with_its_tag(store: HttpStore) -> None:
    found = store.get(KEY)
    assert found.content == b"one"
    assert re.fullmatch('"[0-9a-f]{64}"', found.tag)


def test_what_has_not_changed_does_not_travel(web: Web, store: HttpStore, folder: Path) -> None:
    tag = store.get(KEY).tag
    assert store.get_if_changed(KEY, tag) is None
    (folder / KEY).write_bytes(b"two")
    found = store.get_if_changed(KEY, tag)
    assert found
    assert found.content == b"two"
    assert web.statuses == [200, 304, 200]


def test_a_server_that_ignores_conditions_is_seen_through(web: Web, store: HttpStore) -> None:
    tag = store.get(KEY).tag
    web.script.append(says(200, b"one", ETag=tag))
    assert store.get_if_changed(KEY, tag) is None


def test_a_server_without_tags_will_do(web: Web, store: HttpStore) -> None:
    web.tags = False
    found = store.get(KEY)
    assert (found.content, found.tag) == (b"one", "")
    assert store.get_if_changed(KEY, found.tag) == found


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_not_found(web: Web, store: HttpStore, status: int) -> None:
    web.script.append(says(status))
    with pytest.raises(NotFound, match="no such object"):
        store.get(KEY)


@pytest.mark.parametrize("status", [401, 403, 418])
def test_a_refusal_is_believed_at_once(web: Web, store: HttpStore, status: int) -> None:
    web.script.append(says(status))
    with pytest.raises(StoreError, match=f"Received: status {status}"):
        store.get(KEY)
    assert web.statuses == [status]


def test_a_server_in_trouble_is_asked_again(web: Web, store: HttpStore) -> None:
    web.script.extend([says(503), says(500), says(429)])
    assert store.get(KEY).content == b"one"
    web.script.extend([says(503)] * transfer.ATTEMPTS)
    with pytest.raises(StoreUnavailable, match="status 503"):
        store.get(KEY)


def test_a_broken_transfer_goes_on_where_it_was(web: Web, store: HttpStore, folder: Path, tmp_path: Path) -> None:
    (folder / "big").write_bytes(BIG)
    web.script.extend([breaks(1_000_000), says(503), breaks(500_000)])
    store.read_to("big", tmp_path / "file", len(BIG))
    assert (tmp_path / "file").read_bytes() == BIG
    asked = [headers.get("Range") for _, headers, _ in web.seen]
    assert asked == [None, "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]


def test_a_transfer_of_what_changed_meanwhile_begins_anew(
    web: Web, store: HttpStore, folder: Path, tmp_path: Path
) -> None:
    (folder / "big").write_bytes(BIG)

    def change(_: object) -> bool:
        (folder / "big").write_bytes(BIG[::-1])
        return False

    web.script.extend([breaks(1_000_000), change])
    store.read_to("big", tmp_path / "file", len(BIG))
    assert (tmp_path / "file").read_bytes() == BIG[::-1]
    assert web.statuses == [200, 200]


def test_a_range_that_does_not_fit_is_not_joined(web: Web, store: HttpStore, folder: Path, tmp_path: Path) -> None:
    (folder / "big").write_bytes(BIG)
    wrong = says(206, BIG[5:], Content_Range=f"bytes 5-{len(BIG) - 1}/{len(BIG)}")
    web.script.extend([breaks(1_000_000), wrong])
    store.read_to("big", tmp_path / "file", len(BIG))
    assert (tmp_path / "file").read_bytes() == BIG


def test_without_a_tag_a_broken_transfer_begins_anew(web: Web, store: HttpStore, folder: Path, tmp_path: Path) -> None:
    (folder / "big").write_bytes(BIG)
    web.tags = False
    web.script.append(breaks(1_000_000))
    store.read_to("big", tmp_path / "file", len(BIG))
    assert (tmp_path / "file").read_bytes() == BIG
    assert web.statuses == [200, 200]


def test_more_bytes_than_allowed_are_not_read(web: Web, store: HttpStore, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"at most 2 bytes. Received: 3"):
        store.read_to(KEY, tmp_path / "file", 2)
    (folder / "big").write_bytes(bytes(SMALL + 1))
    with pytest.raises(StoreError, match="at most"):
        store.get("big")


def test_a_body_without_an_end_is_not_read(web: Web, store: HttpStore, tmp_path: Path) -> None:
    web.script.append(endless)
    with pytest.raises(StoreError, match="at most 100,000 bytes"):
        store.read_to(KEY, tmp_path / "file", 100_000)
    assert (tmp_path / "file").stat().st_size < 1 << 22


def test_a_transfer_that_hardly_moves_is_given_up(
    store: HttpStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "GRACE", -1e9)
    with pytest.raises(StoreUnavailable, match="bytes a second"):
        store.get(KEY)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (b"HTTP/1.1 2", b"0"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (CHUNKED + b"5; ", b"x"),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
    ],
    ids=["status", "header", "continue", "body", "chunk", "trailer"],
)
def test_a_server_that_drips_is_given_up_when_the_time_is_over(
    web: Web, store: HttpStore, monkeypatch: pytest.MonkeyPatch, beginning: bytes, again: bytes
) -> None:
    monkeypatch.setattr(transfer, "GRACE", 0.3)
    web.script.extend([drips(beginning, again)] * transfer.ATTEMPTS)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="bytes a second"):
        store.get(KEY)
    assert time.monotonic() - began < 5
    assert len(web.script) >= transfer.ATTEMPTS - 1


def test_a_proxy_that_drips_is_given_up_when_the_time_is_over(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "GRACE", 0.3)
    monkeypatch.setattr(Handler, "do_CONNECT", drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), raising=False)
    monkeypatch.setenv("https_proxy", web.url)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(StoreUnavailable, match="bytes a second"):
        HttpStore("https://models.example.com").get(KEY)


def test_bytes_that_have_come_prolong_the_time(
    web: Web, store: HttpStore, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "big").write_bytes(BIG)
    web.script.append(breaks(1_000_000))
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(transfer, "SLOWEST", 10_000)

    def later(arrived: int) -> None:
        now[0] += arrived / 11_000  # just fast enough

    store.read_to("big", tmp_path / "file", len(BIG), later)
    assert (tmp_path / "file").read_bytes() == BIG
    assert now[0] > transfer.GRACE


def test_a_limit_that_is_not_reached_gives_no_time(
    web: Web, store: HttpStore, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.script.append(breaks(2))
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def later(_: int) -> None:
        now[0] += transfer.GRACE + 1

    with pytest.raises(StoreUnavailable, match="Received: 2 bytes until now"):
        store.read_to(KEY, tmp_path / "file", SMALL, later)


def test_a_compressed_answer_is_refused(web: Web, store: HttpStore) -> None:
    web.script.append(says(200, b"...", Content_Encoding="gzip"))
    with pytest.raises(StoreError, match="compressed with gzip"):
        store.get(KEY)


def test_a_server_that_is_not_there_says_so(web: Web) -> None:
    with pytest.raises(StoreUnavailable, match="refused"):
        HttpStore(f"http://127.0.0.1:{free_port()}").get(KEY)


def test_redirects_are_followed_with_their_conditions(web: Web, store: HttpStore, folder: Path) -> None:
    (folder / "elsewhere").write_bytes(b"one")
    tag = store.get(KEY).tag
    web.script.append(says(302, Location="/elsewhere"))
    assert store.get_if_changed(KEY, tag) is None
    assert web.statuses == [200, 302, 304]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", ""])
def test_a_redirect_out_of_the_web_is_not_followed(web: Web, store: HttpStore, place: str) -> None:
    web.script.append(says(301, Location=place))
    with pytest.raises(StoreError, match="It is not followed"):
        store.get(KEY)


def test_a_circle_of_redirects_ends(web: Web, store: HttpStore) -> None:
    web.script.extend([says(307, Location=f"/{KEY}")] * 20)
    with pytest.raises(StoreError, match="within 5 redirects"):
        store.get(KEY)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


def test_https_works_with_an_authority_of_ones_own(
    folder: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(folder, certificate) as web:
        store = open_reader(web.url)
        found = store.get(KEY)
        assert found.content == b"one"
        assert store.get_if_changed(KEY, found.tag) is None


def test_a_certificate_that_nobody_trusts_is_refused_at_once(folder: Path, certificate: Path) -> None:
    with serving(folder, certificate) as web, pytest.raises(StoreError, match="SSL_CERT_FILE") as caught:
        HttpStore(web.url).get(KEY)
    assert not isinstance(caught.value, StoreUnavailable)


def test_a_redirect_from_https_to_http_is_not_followed(
    folder: Path, certificate: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(folder, certificate) as safe:
        safe.script.extend([says(302, Location=f"{safe.url}/{KEY}"), says(302, Location=f"{web.url}/{KEY}")])
        with pytest.raises(StoreError, match="It is not followed"):
            HttpStore(safe.url).get(KEY)
    assert web.seen == []


@pytest.mark.parametrize("url", ["https://", "http://user@host/x", "https://host/x?a=b", "https://host/x#y"])
def test_an_address_with_more_than_host_and_path_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="Expected the address of a store"):
        open_reader(url)


def test_nothing_can_be_published_there() -> None:
    with pytest.raises(ConfigError, match=r"file://folder or s3://bucket/prefix. Received: 'https://host/store'"):
        open_store("https://host/store")


@pytest.mark.parametrize("key", ["", "/a", "a/../b", "..", "a b", "a?b", "a#b", "//host/a"])
def test_a_key_that_could_lead_elsewhere_is_refused(web: Web, store: HttpStore, key: str) -> None:
    with pytest.raises(StoreError, match="Expected a key"):
        store.get(key)
    assert web.seen == []


def test_a_good_server_is_asked_once(web: Web, store: HttpStore) -> None:
    web.script.append(as_usual)
    assert store.get(KEY).content == b"one"
    assert web.statuses == [200]
