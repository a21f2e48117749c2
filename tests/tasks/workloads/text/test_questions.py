"""Tests for questions of texts that lie in files."""

from pathlib import Path

import pytest

from tasks.errors import DataError
from tasks.workloads.text.reading import FILES, asked_text


def test_a_question_is_the_text_or_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "asked.txt").write_bytes(b"\xef\xbb\xbfcall now")
    assert asked_text("call now") == asked_text(tmp_path / "asked.txt") == "call now"


def test_a_file_that_is_missing_or_too_large_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Expected a text\. Received: .*absent"):
        asked_text(tmp_path / "absent.txt")
    (tmp_path / "large.txt").write_bytes(b"x" * (FILES.most_bytes + 1))
    with pytest.raises(DataError, match=r"more than .* bytes"):
        asked_text(tmp_path / "large.txt")
