import pytest

from tasks.workloads.class_folders import class_and_split
from tasks.workloads.image.reading import FILES
from tasks.workloads.items import RawSample, RefusedSample, SourceFile


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cat/1.png", ("cat", None)),
        ("train/cat/1.png", ("cat", "train")),
        ("pets/v2/TEST/cat/1.png", ("cat", "test")),
        ("val/cat/1.png", ("cat", "validation")),
        ("valid/cat/1.png", ("cat", "validation")),
        ("validation/cat/1.png", ("cat", "validation")),
        ("test/wrapped/cat/1.png", ("cat", None)),
    ],
)
def test_folders_tell_the_class_and_the_split(path: str, expected: object) -> None:
    assert class_and_split(path) == expected


@pytest.mark.parametrize("path", ["1.png", "train/1.png", "pets/test/1.png"])
def test_a_picture_outside_a_class_folder_is_refused(path: str) -> None:
    (item,) = FILES.take(SourceFile(path, 1, lambda: b"x"))
    assert isinstance(item, RefusedSample)
    assert "class folder" in item.reason


@pytest.mark.parametrize(
    "path",
    [
        ".hidden.png",
        "cat/.1.png",
        ".git/cat/1.png",
        "__MACOSX/cat/1.png",
        "cat/Thumbs.db",
        "README.txt",
        "test/LICENSE.md",
    ],
)
def test_what_is_plainly_no_sample_is_passed_over(path: str) -> None:
    assert not list(FILES.take(SourceFile(path, 1, lambda: b"x")))


def test_a_huge_file_is_refused_without_being_read() -> None:
    def read() -> bytes:
        raise AssertionError("read")

    (item,) = FILES.take(SourceFile("cat/1.png", FILES.most_bytes + 1, read))
    assert isinstance(item, RefusedSample)
    assert "67,108,865 bytes" in item.reason


def test_a_file_in_a_class_folder_is_a_sample() -> None:
    (item,) = FILES.take(SourceFile("train/cat/1.png", 1, lambda: b"x"))
    assert item == RawSample("train/cat/1.png", "cat", "train", b"x")
