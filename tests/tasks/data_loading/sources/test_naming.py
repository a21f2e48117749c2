import pytest

from tasks.data_loading.sources.naming import MAX_FILE_BYTES, clean, danger, file_item, place
from tasks.data_loading.sources.protocol import RawSample, RefusedSample


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
    assert place(path) == expected


@pytest.mark.parametrize("path", ["1.png", "train/1.png", "pets/test/1.png"])
def test_a_picture_outside_a_class_folder_is_refused(path: str) -> None:
    item = file_item(path, 1, lambda: b"x")
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
    assert file_item(path, 1, lambda: b"x") is None


def test_a_huge_file_is_refused_without_being_read() -> None:
    def read() -> bytes:
        raise AssertionError("read")

    item = file_item("cat/1.png", MAX_FILE_BYTES + 1, read)
    assert isinstance(item, RefusedSample)
    assert "67,108,865 bytes" in item.reason


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./cat//1.png", "cat/1.png"),
        ("cat/./1.png", "cat/1.png"),
        ("cat/", "cat"),
        ("cafe\u0301/1.png", "caf\u00e9/1.png"),
        ("cat/\udcff.png", "cat/\\udcff.png"),
    ],
)
def test_a_path_has_one_spelling_that_can_be_written(path: str, expected: str) -> None:
    assert clean(path) == expected
    clean(path).encode()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cat/1.png",
        "\\cat\\1.png",
        "C:\\cat\\1.png",
        "C:/cat/1.png",
        "../cat/1.png",
        "a/../../cat/1.png",
        "a\\..\\1.png",
    ],
)
def test_a_path_that_leads_out_is_dangerous(path: str) -> None:
    assert danger(path)


@pytest.mark.parametrize("path", ["cat/1.png", "./cat/1.png", "cat/..1.png", "cat/a..b/1.png"])
def test_an_ordinary_path_is_not(path: str) -> None:
    assert danger(path) is None


def test_a_file_in_a_class_folder_is_a_sample() -> None:
    assert file_item("train/cat/1.png", 1, lambda: b"x") == RawSample("train/cat/1.png", "cat", "train", b"x")
