import gzip
from pathlib import Path

import pytest

from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.kept_listings import FOLDER, KEPT, keep, read_kept, size_in
from tasks.data_loading.sources.protocol import Entry, digest_of
from tests.tasks.data_loading.material import tree, write_folder, write_tar


def test_a_listing_is_kept_and_tells_each_file(workspace: Path) -> None:
    files = tree("ab", 2) | {"a/line\nend.png": b"xyz", "a/ünï.png": b"12"}
    write_folder(workspace / "images", files)
    kept = read_kept(current_listing(Data(source="images")).digest)
    assert kept is not None
    assert {path: size_in(known) for path, known in kept.items()} == {name: len(file) for name, file in files.items()}


def test_an_archive_is_one_file_without_a_path(workspace: Path) -> None:
    size = write_tar(workspace / "images.tar", tree("ab", 1)).stat().st_size
    kept = read_kept(current_listing(Data(source="images.tar")).digest)
    assert kept is not None
    assert [(path, size_in(known)) for path, known in kept.items()] == [("", size)]


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "no gzip"])
def test_a_listing_that_is_not_whole_is_of_no_use(workspace: Path, damage: str) -> None:
    write_folder(workspace / "images", tree("ab", 2))
    digest = current_listing(Data(source="images")).digest
    path = FOLDER / f"{digest}.gz"
    content = path.read_bytes()
    match damage:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(content[:-9])
        case "other":
            path.write_bytes(gzip.compress(gzip.decompress(content)[1:]))
        case _:
            path.write_bytes(b"x")
    assert read_kept(digest) is None


def test_the_last_ones_are_kept_and_one_that_is_seen_again_is_no_old_one(workspace: Path) -> None:
    made = [[Entry("a/1.png", number, "x")] for number in range(KEPT + 3)]
    digests = [digest_of(entries)[0] for entries in made]
    for digest, entries in zip(digests, made, strict=True):
        keep(digest, [entry.line() for entry in entries])
        keep(digests[0], [made[0][0].line()])
    assert len(list(FOLDER.glob("*"))) == KEPT
    assert read_kept(digests[0]) == {"a/1.png": "0\0x"}
    assert read_kept(digests[1]) is None


@pytest.mark.usefixtures("workspace")
def test_a_source_that_never_changes_is_not_kept() -> None:
    current_listing(Data(source="digits"))
    assert not FOLDER.exists()
