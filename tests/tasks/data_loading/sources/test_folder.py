import os
from pathlib import Path

import pytest

from tasks.data_loading.sources.folder import ClassFolders
from tasks.errors import SourceError
from tasks.workloads.image.reading import FILES
from tasks.workloads.items import RawSample, RefusedSample
from tests.tasks.data_loading.material import tree, write_folder


def names(root: Path) -> list[str]:
    return [item.name for item in ClassFolders(str(root)).items(FILES.take) if isinstance(item, RawSample)]


def test_files_come_sorted_folder_by_folder(tmp_path: Path) -> None:
    write_folder(tmp_path, dict.fromkeys(("b/2.png", "b/1.png", "a/1.png", "a/c/1.png"), b"x"))
    assert names(tmp_path) == ["a/1.png", "a/c/1.png", "b/1.png", "b/2.png"]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"1.png": b"x"})
    root = write_folder(tmp_path / "root", {"cat/1.png": b"x"})
    (root / "dog").symlink_to(tmp_path / "elsewhere")
    (root / "cat/2.png").symlink_to(tmp_path / "elsewhere/1.png")
    (root / "cat/again").symlink_to(root)
    assert names(root) == ["cat/1.png", "cat/2.png", "dog/1.png"]


def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    write_folder(tmp_path, {"cat/1.png": b"x"})
    (tmp_path / "cat/2.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "cat/3.png")
    refused = [item.name for item in ClassFolders(str(tmp_path)).items(FILES.take) if isinstance(item, RefusedSample)]
    assert refused == ["cat/2.png", "cat/3.png"]


def test_a_folder_that_is_gone_says_so(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "root", tree("ab", 1))
    source = ClassFolders(str(root))
    for path in sorted(root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    root.rmdir()
    with pytest.raises(SourceError, match="No such file"):
        source.listing()
