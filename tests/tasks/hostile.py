"""Texts that try to be more than text, and a reader of the pages that they end up in."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import TypeVar

from hypothesis import example
from hypothesis import strategies as st

NASTY = (
    "closes [/foo] bug",
    "[bold]loud[/bold]",
    "[link=https://evil.example]here[/link]",
    ":smile: 12:30",
    "\x1b]8;;https://evil.example\x07here\x1b]8;;\x07 \x1b[2J \x9b31m",
    "nul \x00, delete \x7f, bell \x07, back \x08, tab \t, line\nand \r\nreturn, \u2028\u2029\x85",
    "user\u202egnp.exe \u2066hidden\u2069 \u200bzero\ufeff",
    "no UTF-8 \udcff, half a pair \ud800",
    "a | b || c",
    "`code` ``more`` ```",
    "<script>alert(1)</script> <b>&amp;</b> <!-- x -->",
    "![picture](https://evil.example/x.png) [text](javascript:alert) [a]: b",
    "https://evil.example www.evil.example <https://evil.example> a@evil.example ftp://x.y",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "12.",
    "-",
    "- - -",
    "##",
    "== ",
    "2) item",
    "> quote",
    "---",
    "===",
    "    indented",
    "trailing  ",
    "\\[escaped\\] \\",
    "~~gone~~ *x* _y_ **z** __w__ $x^2$",
    "~~~",
    "| a | b |",
    ":--|--:",
    "",
    " ",
    "\u3000wide\u00a0",
    "{{ 7*7 }} {% raw %} {# gone #} ${7*7} #{7*7}",
    "'quoted' \" onload=\"alert(1)",
    "grün 猫 🐈 é",
)
TEXT = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from("[]()<>&|`*_~#-+=.:!\\/$ \t\n\x1bab1w@"), max_size=40
)
Test = TypeVar("Test", bound=Callable[..., None])


def nasty(test: Test) -> Test:
    """Let a property be tried on these texts, too."""
    for text in NASTY:
        test = example(text)(test)
    return test


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(data)

    def handle_decl(self, decl: str) -> None:
        self.tags.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.tags.append(data)

    def handle_pi(self, data: str) -> None:
        self.tags.append(data)
