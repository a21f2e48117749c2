from pathlib import Path

import pytest

from tasks.config import Data
from tasks.data_loading.kept_listings import FOLDER
from tasks.s3.connection import connect
from tasks.watching.looking import look
from tests.servers import ANYBODY
from tests.tasks.data_loading.material import tree, write_folder, write_tar
from tests.web import serving


def test_names_tell_files_bytes_and_classes(workspace: Path) -> None:
    write_folder(workspace / "pets", {"train/cat/1.png": b"12", "test/dog/1.png": b"345", "cat/2.png": b"6"})
    write_folder(workspace / "pets", {"notes.txt": b"none", "dog/.hidden": b"none"})
    state = look(Data(source="pets"))
    assert (state.listing.files, state.bytes, state.classes) == (4, 10, {"cat": 2, "dog": 1})


@pytest.mark.parametrize("source", ["pets.tar", "digits"])
def test_a_source_of_one_file_tells_no_classes(workspace: Path, source: str) -> None:
    size = write_tar(workspace / "pets.tar", tree("ab", 1)).stat().st_size
    state = look(Data(source=source))
    assert state.classes is None
    assert state.bytes == (size if source == "pets.tar" else None)


def test_an_s3_prefix_tells_the_same_as_a_folder(
    workspace: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ANYBODY, "AWS_ENDPOINT_URL": s3_endpoint, "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    files, client = tree(("cat", "dog"), 3), connect()
    client.create_bucket(Bucket="watched")
    for name, content in files.items():
        client.put_object(Bucket="watched", Key=f"pets/{name}", Body=content)
    write_folder(workspace / "pets", files)
    there, here = look(Data(source="s3://watched/pets")), look(Data(source="pets"))
    assert (there.listing.files, there.bytes, there.classes) == (here.listing.files, here.bytes, here.classes)
    client.put_object(Bucket="watched", Key="pets/cat/0000.png", Body=files["dog/0000.png"][:1])
    assert look(Data(source="s3://watched/pets")).digest != there.digest


def test_an_archive_on_a_web_server_is_known_by_its_size_and_tag(workspace: Path) -> None:
    (workspace / "served").mkdir()
    path = write_tar(workspace / "served/pets.tar", tree("ab", 1))
    with serving(workspace / "served") as server:
        first = look(Data(source=f"{server.url}/pets.tar"))
        assert first.bytes == path.stat().st_size
        assert look(Data(source=f"{server.url}/pets.tar")) == first
        write_tar(path, tree("abc", 1))
        assert look(Data(source=f"{server.url}/pets.tar")).digest != first.digest
    assert FOLDER.exists()
