import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import Data, Params, parse_params
from tasks.data_loading.fingerprint import SOURCE, current_listing, explain_source, fingerprint, foresee_source
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


def source_changed(data: Data) -> bool:
    """Tell whether the stage would write something else now."""
    return any(not path.exists() or path.read_bytes() != content for path, content in foresee_source(data).items())


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_the_same_place_in_other_words_gives_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    inside = workspace / "deep"
    inside.mkdir()
    if kind == "folder":
        place, slash = write_folder(workspace / "deep/photos", tree("ab", 1)), "/"
    else:
        place, slash = write_tar(workspace / "deep/photos.tar", tree("ab", 1)), ""
    (workspace / f"link{place.suffix}").symlink_to(place)
    monkeypatch.setenv("HOME", str(workspace))
    name = f"deep/{place.name}"
    words = (name, f"{name}{slash}", f"./{name}", f"deep/../{name}", str(place), f"~/{name}", f"link{place.suffix}")
    assert len({foresee_source(Data(source=source))[SOURCE] for source in words}) == 1
    assert current_listing(Data(source=name)).location == name


def test_another_place_with_files_of_the_same_names_sizes_and_times_is_another_source(workspace: Path) -> None:
    for name, content in {"one": b"white", "two": b"black"}.items():
        os.utime(write_folder(workspace / name, {"a/0.png": content}) / "a/0.png", ns=(1, 1))
    one, two = (current_listing(Data(source=name)) for name in ("one", "two"))
    assert one.digest == two.digest
    assert one != two


def test_a_difference_is_told_in_a_few_words(workspace: Path) -> None:
    root = write_folder(workspace / "images", tree("ab", 1))
    before = foresee_source(Data(source="images"))[SOURCE]
    root.rename(workspace / "photos")
    moved = foresee_source(Data(source="photos"))[SOURCE]
    assert explain_source(moved, before) == ["data.source is photos now, it was images"]
    write_folder(workspace / "photos", {"a/new.png": b"x"})
    assert explain_source(foresee_source(Data(source="photos"))[SOURCE], moved) == ["data changed"]
    assert explain_source(moved, None) == explain_source(moved, b"{}") == ["data changed"]


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
