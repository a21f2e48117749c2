import contextlib
import errno
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.data_loading.sources import open_source
from tasks.data_loading.sources.archive import TEMPORARY
from tasks.errors import SourceError
from tasks.web import transfer
from tasks.workloads.image.reading import ImageReading
from tasks.workloads.image.settings import ImageSettings
from tasks.workloads.items import RawSample
from tests.servers import free_port
from tests.tasks.data_loading.material import tree, write_tar, write_zip
from tests.web import Act, Web, breaks, drips, endless, hangs, says, serving

FILES = tree(("cat", "dog"), 3)
HALF = 1000  # bytes, about half of the archive


@pytest.fixture
def web(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(transfer, "PAUSE", 0.0)
    with serving(workspace) as web:
        yield web


@pytest.fixture
def archive(workspace: Path) -> Path:
    write_tar(workspace / "pets.tar.gz", FILES)
    assert (workspace / "pets.tar.gz").stat().st_size > HALF
    return workspace / "pets.tar.gz"


def read(web: Web, name: str = "pets.tar.gz") -> dict[str, Any]:
    items = open_source(f"{web.url}/{name}").items(ImageReading().take_file(ImageSettings()))
    return {item.name: item.payload for item in items if isinstance(item, RawSample)}


@pytest.mark.parametrize("name", ["pets.tar.gz", "pets.zip"])
def test_an_archive_behind_an_address_is_read(workspace: Path, web: Web, name: str) -> None:
    (write_zip if name.endswith("zip") else write_tar)(workspace / name, FILES)
    assert read(web, name) == FILES
    source = open_source(f"{web.url}/{name}")
    first = source.listing()
    assert source.listing() == first
    (workspace / name).write_bytes(b"other")
    assert source.listing() != first


def test_an_address_may_have_a_query(archive: Path, web: Web) -> None:
    def strips(handler: Any) -> bool:
        handler.path = handler.path.partition("?")[0]
        return False

    web.script.append(strips)
    assert read(web, "pets.tar.gz?download=1") == FILES


def test_a_transfer_that_breaks_off_goes_on(archive: Path, web: Web) -> None:
    web.script.extend([breaks(HALF), says(503), breaks(10)])
    assert read(web) == FILES
    assert web.statuses == [200, 503, 206, 206]


def test_an_archive_that_changes_in_the_middle_is_read_anew(archive: Path, web: Web, workspace: Path) -> None:
    others = tree(("cow", "pig"), 3)

    def change(_: object) -> bool:
        write_tar(archive, others)
        return False

    web.script.extend([breaks(HALF), change])
    assert read(web) == others
    assert web.statuses == [200, 200]


def test_a_range_that_the_server_does_not_have_lets_it_begin_anew(archive: Path, web: Web) -> None:
    web.script.extend([breaks(HALF), says(416)])
    assert read(web) == FILES


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (endless, "to have at most 100,000 bytes, which is what the disk has room for"),
        (says(200, b"x", Content_Range="bytes 1-2/3", Content_Encoding="br"), "compressed with br"),
        (says(302, Location="/pets.tar.gz"), "within 5 redirects"),
        (says(302, Location="file:///etc/passwd"), "It is not followed"),
        (says(500), "status 500"),
        (says(403), "status 403"),
        (breaks(0), "Check the network"),
    ],
    ids=["endless", "compressed", "circle", "file", "500", "403", "breaks"],
)
def test_a_server_that_does_wrong_ends_in_a_sentence(
    archive: Path, web: Web, monkeypatch: pytest.MonkeyPatch, act: Act, sentence: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 800_000, 200_000))
    web.script.extend([act] * 20)
    with pytest.raises(SourceError, match=sentence):
        read(web)
    assert list(TEMPORARY.iterdir()) == []


@pytest.mark.parametrize("beginning", [b"Content-Length: 100000\r\n\r\n", b"X: "], ids=["body", "header"])
def test_a_server_that_drips_ends_in_a_sentence(web: Web, monkeypatch: pytest.MonkeyPatch, beginning: bytes) -> None:
    monkeypatch.setattr(transfer, "GRACE", 0.2)
    web.script.extend([drips(b"HTTP/1.1 200 OK\r\n" + beginning, b"x")] * 20)
    with pytest.raises(SourceError, match="bytes a second"):
        read(web)


def test_a_server_that_says_nothing_ends_in_a_sentence(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "GRACE", 0.2)
    over = threading.Event()
    web.script.extend([hangs(over)] * 20)
    try:
        with pytest.raises(SourceError, match="bytes a second"):
            open_source(f"{web.url}/pets.tar").listing()
    finally:
        over.set()


class Full(io.BytesIO):
    def __init__(self, **options: object) -> None:
        del options
        super().__init__()

    def write(self, content: object) -> int:
        del content
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_in_a_sentence(archive: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(SourceError, match=r"Expected room for .* No space left on device. Make room"):
        read(web)


def test_the_compression_of_an_archive_may_be_called_one_of_the_transfer(archive: Path, web: Web) -> None:
    web.script.append(says(200, archive.read_bytes(), Content_Encoding="x-gzip"))
    assert read(web) == FILES


@pytest.mark.parametrize("length", ["-5", "x", "9" * 40, ""])
def test_a_size_that_is_no_number_is_unknown(web: Web, length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: x\r\nConnection: close\r\n\r\n"

    def lies(handler: Any) -> bool:
        handler.wfile.write(head.encode())
        handler.close_connection = True
        return True

    web.script.extend([lies] * 20)
    with contextlib.suppress(SourceError):
        assert open_source(f"{web.url}/pets.tar").listing().files == 1


def test_what_is_not_there_says_so(web: Web) -> None:
    with pytest.raises(SourceError, match="404"):
        open_source(f"{web.url}/none.tar").listing()


def test_a_server_that_does_not_answer_says_so(web: Web) -> None:
    with pytest.raises(SourceError, match="refused"):
        open_source(f"http://127.0.0.1:{free_port()}/pets.tar").listing()


@pytest.mark.parametrize(
    "location", ["http://[/pets.tar", "https://[::1/pets.tar", "http://a:b/p.tar", "https:///p.tar"]
)
def test_what_is_no_address_says_so(location: str) -> None:
    with pytest.raises(SourceError, match="Expected"):
        open_source(location).listing()


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SourceError, match="without user and password") as caught:
        open_source("https://me:secret@host/pets.tar")
    assert "secret" not in str(caught.value)
