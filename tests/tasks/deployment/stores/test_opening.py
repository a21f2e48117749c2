from pathlib import Path

import pytest

from tasks.deployment.stores.opening import open_store
from tasks.errors import ConfigError, NotFound


@pytest.mark.parametrize("url", ["", "store", "file://", "s3://", "http://host/bucket", "file:/store"])
def test_an_address_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"Expected the address of a store.* in --store or in deployment\.store"):
        open_store(url)


def test_a_folder_without_its_scheme_is_told_how_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"Write file://{tmp_path} if it is a folder"):
        open_store(str(tmp_path))


def test_a_relative_folder_begins_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("file://some/store")
    store.put("key", b"content")
    assert (tmp_path / "some/store/key").read_bytes() == b"content"


def test_reading_does_not_make_the_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_store(f"file://{tmp_path}/store").get("key")
    assert not (tmp_path / "store").exists()
