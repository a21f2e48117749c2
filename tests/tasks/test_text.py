"""Whatever the text is, it is shown as text: nothing of it is taken for markup, a link or a command to the terminal."""

import io
import json
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from tasks.files import to_json
from tasks.text import (
    markdown,
    markdown_code,
    markdown_sentence,
    plain_output,
    show_what_cannot_be_encoded,
    storable,
    visible,
    visible_lines,
)
from tests.tasks.hostile import TEXT, Page, nasty

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def printed(text: str) -> str:
    """Text with the shape that it has where nothing is lost."""
    return "".join(char for char in text if char.isprintable() or unicodedata.category(char) == "Zs")


def as_python_has_it(char: str) -> str:
    byte = char.encode(errors="surrogateescape") if 0xDC80 <= ord(char) <= 0xDCFF else None
    return repr(byte)[2:-1] if byte else repr(char)[1:-1]


@nasty
@given(TEXT)
def test_what_is_shown_moves_no_cursor_and_loses_nothing(text: str) -> None:
    shown = visible(text)
    assert all(char.isprintable() or unicodedata.category(char) == "Zs" for char in shown)
    assert visible(shown) == shown
    assert shown.encode().decode() == shown
    if printed(text) == text:
        assert shown == text
    assert shown == "".join(char if printed(char) else as_python_has_it(char) for char in text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202e\u2028", r"\u202e\u2028"),
        ("\U000e0001", r"\U000e0001"),
        ("\udcff\udc80", r"\xff\x80"),
        ("\ud800", r"\ud800"),
        ("C:\\temp [/foo] :smile:", "C:\\temp [/foo] :smile:"),
    ],
)
def test_what_has_no_shape_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_of_a_message_stay_lines_of_one_message() -> None:
    assert visible_lines("one\n  two\nerror: \x1bthree\n") == "one\n  two\n  error: \\x1bthree"


@nasty
@given(TEXT)
def test_markdown_renders_as_the_text_and_as_nothing_else(text: str) -> None:
    for before, after, tags in (
        ("", "", {"p"}),
        ("- ", "", {"ul", "li"}),
        ("1. ", "", {"ol", "li"}),
        ("## ", "", {"h2"}),
        ("| a | b |\n|---|---|\n| ", " | x |", {"table", "thead", "tbody", "tr", "th", "td"}),
        ("Before ", " after", {"p"}),
    ):
        page = Page(RENDERER.render(f"{before}{markdown(text)}{after}"))
        assert set(page.tags) <= tags
        assert visible(text) in page.text
        if "|" not in before:
            assert len(page.text.strip("\n")) == len(visible(text)) + len("Before  after") * bool(after)


@pytest.mark.parametrize(
    "text", ["+0.10 (−0.2 … 0.3)", "12.5 µs", "1,234", "-5", "95 %", "int8_pruned", "#3", "is it?"]
)
def test_plain_words_and_numbers_stay_as_they_are_in_markdown(text: str) -> None:
    assert markdown(text) == text


@nasty
@given(TEXT)
def test_a_code_span_renders_as_the_text(text: str) -> None:
    page = Page(RENDERER.render(f"- Source {markdown_code(text)}, digest"))
    assert page.tags == ["ul", "li", *(["code"] if visible(text) else [])]
    assert page.text.strip("\n") == f"Source {visible(text)}, digest"


def test_a_command_in_a_sentence_is_a_code_span() -> None:
    shown = RENDERER.render(markdown_sentence("It waits: `slimline approve shades@7 --reason …`, and *not* `a`."))
    assert shown == "<p>It waits: <code>slimline approve shades@7 --reason …</code>, and *not* `a`.</p>\n"


@nasty
@given(TEXT)
def test_a_sentence_renders_as_its_text_whatever_stands_beside_its_command(text: str) -> None:
    page = Page(RENDERER.render(f"- {markdown_sentence(f'{text} `slimline run --quick` {text}')}"))
    assert page.tags == ["ul", "li", "code"]
    assert page.text.strip("\n") == f"{visible(text)} slimline run --quick {visible(text)}"


@nasty
@given(TEXT)
def test_a_record_holds_any_text(text: str) -> None:
    content = to_json({"text": text}).encode()
    assert json.loads(content) == {"text": storable(text)}
    assert storable(storable(text)) == storable(text)
    if text.isprintable():
        assert storable(text) == text


def test_what_a_stage_prints_is_text_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_output():
        print("note: \x1b[2Jthe class", "a\u202eb", flush=True)
        print("and \udcff", file=sys.stderr)
    assert capsys.readouterr() == ("note: \\x1b[2Jthe class a\\u202eb\n", "and \\xff\n")


def test_output_in_a_narrow_encoding_shows_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    show_what_cannot_be_encoded()
    print("→ é")
    narrow.flush()
    assert narrow.buffer.getvalue() == b"\\u2192 \\xe9\n"


def test_every_line_of_the_command_goes_through_the_terminal() -> None:
    flows = Path(__file__).parents[2] / "flows"
    prints = [path.name for path in flows.rglob("*.py") if re.search(r"(?<![\w.])print\(", path.read_text())]
    assert prints == ["terminal.py"]
