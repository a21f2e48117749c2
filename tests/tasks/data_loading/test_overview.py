import re
from pathlib import Path

import pytest

from tasks.config import Data
from tasks.data_loading.contact_sheet import EACH, contact_sheet
from tasks.data_loading.overview import DECLARED, HASHED, overview, sentences
from tasks.html import escape
from tasks.samples import SPLITS, Refusal
from tasks.text import visible
from tests.tasks.data_loading.material import tree, write_folder

SPLIT = {"validation": 0.3, "test": 0.3}


def data(folder: Path) -> Data:
    return Data.model_validate({"source": str(folder), "split": SPLIT})


def test_classes_splits_and_refusals_are_told(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", {**tree(["cat", "<b>dog"], 20), "cat/bad.png": b"no image"})
    found = overview(data(tmp_path / "photos"), tmp_path / "prepared")
    assert found.classes == ("<b>dog", "cat")
    assert sum(part.samples for part in found.splits.values()) == 40
    assert {part.decided_by for part in found.splits.values()} == {HASHED}
    assert [each.file for each in found.refused] == ["cat/bad.png"]
    assert found.stops is not None
    assert "1 of 41 samples" in found.stops
    said = sentences(found)
    assert "Refused: 1" in said
    assert any("cat/bad.png: no image" in line for line in said)
    assert any(line.startswith("A run would stop here") for line in said)


def test_what_the_source_declares_is_told_from_what_a_hash_decides(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", {**tree("ab", 20, "train/"), **tree("ab", 5, "test/", 20)})
    found = overview(data(tmp_path / "photos"), tmp_path / "prepared")
    assert {split: found.splits[split].decided_by for split in SPLITS} == {
        "train": DECLARED,
        "validation": HASHED,
        "test": DECLARED,
    }
    assert found.stops is None


def test_a_contact_sheet_shows_some_of_each_class_and_nothing_of_the_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "photos", tree(["cat", "<b>dog"], 60))
    found = overview(data(tmp_path / "photos"), tmp_path / "prepared")
    (tmp_path / "prepared").joinpath(*[each.name for each in (tmp_path / "prepared").glob("test-*")][:1]).unlink()
    page = contact_sheet(found, tmp_path / "prepared")
    assert page.count("data:image/png;base64,") == 2 * EACH
    assert "<h2>&lt;b&gt;dog</h2>" in page
    assert "<b>" not in page


NAMES = (
    "<script>alert(1)</script>",
    '" onload="x',
    "{{7*7}}{% raw %}{#",
    "two\nlines",
    "\x1b[2J",
    "user\u202egnp",
    "no UTF-8 \udcff",
    "a & b",
)


def test_names_and_reasons_are_text_in_a_contact_sheet(tmp_path: Path) -> None:
    found = overview(data(write_folder(tmp_path / "photos", tree("abcdefgh", 8))), tmp_path / "prepared")
    splits = {
        split: part.model_copy(update={"per_class": dict(zip(NAMES, part.per_class.values(), strict=True))})
        for split, part in found.splits.items()
    }
    refused = tuple(Refusal(file=name, reason=name) for name in NAMES)
    hostile = found.model_copy(
        update={"source": "".join(NAMES), "classes": NAMES, "splits": splits, "refused": refused, "notes": NAMES}
    )
    text = contact_sheet(hostile, tmp_path / "prepared")
    assert tags(text) == tags(
        contact_sheet(
            found.model_copy(update={"refused": (Refusal(file="a", reason="b"),) * 8, "notes": ("a note",) * 8}),
            tmp_path / "prepared",
        )
    )
    for name in NAMES:
        assert f"<h2>{escape(name)}</h2>" in text
        assert f"<li>{escape(name)}: {escape(name)}</li>" in text
    assert all(visible(char) == char or char == "\n" for char in text)


def tags(page: str) -> list[str]:
    return re.findall(r"</?\w+", page)
