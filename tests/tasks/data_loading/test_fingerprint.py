import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import Data, Params, parse_params
from tasks.data_loading.fingerprint import SOURCE, current_listing, fingerprint, source_changed
from tasks.errors import SourceError
from tests.tasks.data_loading.material import tree, write_folder, write_tar


def params(source: object) -> Params:
    return parse_params(
        {
            "data": {"source": str(source)},
            "recipes": {"float16": []},
            "gate": {"rules": [{"metric": "accuracy", "margin": 0.1}]},
            "deployment": {"model": "digits"},
        }
    )


def test_the_same_files_give_the_same_digest_in_the_same_bytes(workspace: Path) -> None:
    write_folder(workspace / "images", tree("ab", 3))
    fingerprint(params("images"))
    first = SOURCE.read_bytes()
    fingerprint(params("images"))
    assert SOURCE.read_bytes() == first
    assert current_listing(Data(source="images")).files == 6


def test_a_file_that_is_added_changed_removed_or_renamed_is_seen(workspace: Path) -> None:
    data = Data(source="images")
    root = write_folder(workspace / "images", tree("ab", 3))
    assert source_changed(data)  # nothing was recorded yet

    def seen() -> bool:
        changed = source_changed(data)
        fingerprint(params("images"))
        return changed and not source_changed(data)

    fingerprint(params("images"))
    write_folder(root, {"a/new.png": b"x"})
    assert seen()
    (root / "a/new.png").write_bytes(b"xy")
    assert seen()
    os.utime(root / "a/new.png", ns=(1, 1))
    assert seen()
    (root / "a/new.png").rename(root / "b/new.png")
    assert seen()
    (root / "b/new.png").unlink()
    assert seen()


def test_hidden_files_change_nothing(workspace: Path) -> None:
    root = write_folder(workspace / "images", tree("ab", 3))
    fingerprint(params("images"))
    write_folder(root, {".DS_Store": b"x", "a/.cache/0.png": b"x", "Thumbs.db": b"x"})
    assert not source_changed(Data(source="images"))


def test_an_archive_is_known_by_its_size_and_time(workspace: Path) -> None:
    write_tar(workspace / "images.tar", tree("ab", 1))
    fingerprint(params("images.tar"))
    assert not source_changed(Data(source="images.tar"))
    os.utime("images.tar", ns=(1, 1))
    assert source_changed(Data(source="images.tar"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "none of them"),
        ("nowhere.tar", "No such file"),
        ("empty", "no files"),
        ("empty.zip", "an empty file"),
        ("ftp://example.org/images.tar", "before '://'"),
        ("http://example.org/images", "an address that ends in"),
    ],
)
def test_a_source_that_is_not_there_or_empty_says_so(workspace: Path, source: str, message: str) -> None:
    (workspace / "empty").mkdir()
    (workspace / "empty.zip").touch()
    with pytest.raises(SourceError, match=message):
        current_listing(Data(source=source))


@pytest.mark.parametrize("source", ["digits", "cifar10", "s3://bucket/prefix"])
def test_nothing_heavy_is_loaded_to_open_a_source(source: str) -> None:
    code = (
        "import sys; from tasks.data_loading.fingerprint import current_listing\n"
        "from tasks.data_loading.sources import open_source; from tasks.config import Data\n"
        f"source = open_source({source!r}); {source!r}.startswith('s3') or source.listing()\n"
        "print({'tensorflow', 'tf_keras', 'sklearn', 'scipy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_the_built_in_digits_are_known_by_their_content() -> None:
    listing = current_listing(Data(source="digits"))
    assert (listing.kind, listing.files, len(listing.digest)) == ("digits", 1, 64)
    assert listing == current_listing(Data(source="digits"))
