from pathlib import Path

import pytest

from tasks.versioning.recorded import Mark, is_recorded, mark_recorded

MARK = Mark(model="digits", version=3, push=True, commit=False)


def test_a_release_counts_as_recorded_once_it_was_marked(tmp_path: Path) -> None:
    assert not is_recorded("a" * 64, MARK, tmp_path)
    mark_recorded("a" * 64, MARK, tmp_path)
    assert is_recorded("a" * 64, MARK, tmp_path)
    assert not is_recorded("b" * 64, MARK, tmp_path)


def test_what_was_recorded_in_another_way_is_recorded_again(tmp_path: Path) -> None:
    mark_recorded("a" * 64, MARK, tmp_path)
    assert not is_recorded("a" * 64, MARK.model_copy(update={"commit": True}), tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "{"])
def test_a_damaged_mark_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / f"{'a' * 64}.json").write_text(text)
    assert not is_recorded("a" * 64, MARK, tmp_path)
