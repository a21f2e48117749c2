import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.code.imports import Import
from tasks.code.source import read_source, read_template

CODE = b'''"""Make images plain."""

import os

LIMIT = 3  # images


class Plain:
    """An image."""

    colour = "white"

    def shown(self, times: int = 2) -> str:
        """Show it."""
        # more than once
        return self.colour * times
'''
SAME = b"""import os
LIMIT=3
class Plain:
    colour='white'
    '''What it is painted in.'''
    def shown(
        self, times: int=2
    ) -> str: return (self.colour
                      * times)
"""


def test_comments_docstrings_and_formatting_do_not_count() -> None:
    assert read_source(CODE).digest == read_source(SAME).digest
    assert read_source(CODE.replace(b"\n", b"\r\n")).digest == read_source(CODE).digest
    assert read_source(b"\xef\xbb\xbf" + CODE).digest == read_source(CODE).digest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"white"', b'"black"'),
        (b"LIMIT = 3", b"LIMIT = 4"),
        (b"LIMIT = 3", b"LIMIT = 3.0"),
        (b"times: int = 2", b"times: int = 3"),
        (b"self.colour * times", b"times * self.colour"),
        (b"import os", b"import sys"),
        (b"shown", b"shows"),
    ],
)
def test_all_that_is_run_counts(before: bytes, after: bytes) -> None:
    assert before in CODE
    assert read_source(CODE.replace(before, after)).digest != read_source(CODE).digest


def test_docstrings_count_where_they_are_read() -> None:
    code = b'"""Words."""\nprint(__doc__)\n'
    assert read_source(code).digest != read_source(code.replace(b"Words", b"Others")).digest


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n\x00\x0c")))
def test_no_comment_counts(comment: str) -> None:
    commented = CODE.replace(b"# more than once", f"# {comment}".encode())
    assert read_source(commented) == read_source(CODE)


def test_imports_are_found_wherever_they_are() -> None:
    code = b"""
import a.b as c, d
from . import e
from ..f import g, h
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import seen_by_type_checkers_alone
else:
    import i

def later():
    try:
        from j import k
    except ImportError:
        importlib.import_module("l.m")
        find_spec("n")
"""
    assert set(read_source(code).imports) == {
        Import(0, "a.b"),
        Import(0, "d"),
        Import(1, "", ("e",)),
        Import(2, "f", ("g", "h")),
        Import(0, "typing", ("TYPE_CHECKING",)),
        Import(0, "i"),
        Import(0, "j", ("k",)),
        Import(0, "l.m"),
        Import(0, "n"),
    }


def test_strings_that_may_name_a_module_are_listed() -> None:
    code = b'run([sys.executable, "-m", "tasks.compression.worker", "work"], "no module.", "a.b:c", "1.5")'
    assert read_source(code).mentions == ("tasks.compression.worker",)


def test_strings_that_may_name_a_file_are_listed() -> None:
    code = b"""open("a/b.txt", "a/../b.txt", "/a/b.txt", "a.txt", "a/b", "https://a.org/b.txt", "a/b-c/d.html.j2 ")"""
    assert read_source(code).files == ("a/b.txt",)
    template = """{% extends 'a/b-c/d.html.j2' %}{% include "a/é.css" %}{{ "a.css" }} a/c.css 'a/"x/y.css"'"""
    assert read_template(template.encode()).files == ("a/b-c/d.html.j2", "x/y.css")


def test_a_warning_about_the_code_is_not_ours() -> None:
    assert read_source(rb"x = '\d'  # one") == read_source(rb"x = '\d'")


@pytest.mark.parametrize(
    "content", [b"def", b"x = '\xff'", b"\0", b"(" * 5000, b"1" + b"+1" * 9 * sys.getrecursionlimit()]
)
def test_a_file_that_cannot_be_read_as_python_is_known_by_its_bytes(content: bytes) -> None:
    assert read_source(content) == read_source(content)
    assert read_source(content).digest != read_source(content + b" ").digest
