import pytest

from tasks.paths import clean, danger


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
