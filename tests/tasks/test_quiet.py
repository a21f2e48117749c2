import os

import pytest

from tasks.quiet import hushed, without_notes


def test_notes_of_native_libraries_are_left_out_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    with without_notes():
        os.write(2, b"INFO: Created a delegate.\nWARNING: slow\n")
    assert capfd.readouterr().err == "WARNING: slow\n"


def fail() -> None:
    os.write(2, b"cannot open shared object\n")
    raise ImportError


def test_what_is_held_back_is_shown_where_loading_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with hushed():
        os.write(2, b"noise\n")
    with pytest.raises(ImportError), hushed():
        fail()
    assert capfd.readouterr().err == "cannot open shared object\n"
