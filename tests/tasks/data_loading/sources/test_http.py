import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.image.reading import ImageReading
from tasks.workloads.items import RawSample
from tests.servers import free_port
from tests.tasks.data_loading.material import tree, write_tar, write_zip

FILES = tree(("cat", "dog"), 3)


class Quiet(SimpleHTTPRequestHandler):
    """A file server that writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(workspace: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(workspace))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["pets.tar.gz", "pets.zip"])
def test_an_archive_behind_an_address_is_read(workspace: Path, address: str, name: str) -> None:
    (write_zip if name.endswith("zip") else write_tar)(workspace / name, FILES)
    source = open_source(f"{address}/{name}?download=1")
    found = {item.name: item.payload for item in source.items(ImageReading().take_file) if isinstance(item, RawSample)}
    assert found == FILES
    first = source.listing()
    assert source.listing() == first
    (workspace / name).write_bytes(b"other")
    assert source.listing() != first


def test_what_is_not_there_says_so(address: str) -> None:
    with pytest.raises(SourceError, match="404"):
        open_source(f"{address}/none.tar").listing()


def test_a_server_that_does_not_answer_says_so() -> None:
    with pytest.raises(SourceError, match="refused"):
        open_source(f"http://127.0.0.1:{free_port()}/pets.tar").listing()
