r"""Text that came from outside, made fit for a terminal and for Markdown; :mod:`tasks.html` makes pages of it.

A reason, a class's or a file's name, the words of a server: each may hold anything, so it is shown as text and never
read as control sequences, markup or links. All that is printed, drawn or put into a page goes through this module.

A character that has no shape of its own is shown as its escape in Python: ``\n``, ``\x1b``, ``\u202e``. That holds for
controls, for what turns the direction of writing, for what is not assigned, and for bytes that are no UTF-8, which
Python reads as lone surrogates: the byte 0xff is shown as ``\xff``. Everything else stays as it is, a backslash
included, so that text which is shown twice looks the same.
"""

import contextlib
import io
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import TextIO

SURROGATES = re.compile("[\ud800-\udfff]")
BYTES = range(0xDC80, 0xDD00)  # surrogates that stand for bytes, see PEP 383
NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

COMMAND = r"(?<!`)`((?:slimline|dvc|git) [^`]*)`(?!`)"  # as a sentence names what a person may type
# read as markup by CommonMark or GitHub wherever they stand, or where a link or an emoji may begin
MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|_(?![^\W_])|(?<![^\W_])_|:(?=\S)|(?<=\w)\.(?=[^\W\d_])")
SENTENCE = re.compile(f"{COMMAND}|{MARKUP.pattern}")
# read as a list, a heading or a line where a block begins
BLOCK = re.compile(r"^(?:(?=[-+](?:[\s-]|$)|#{1,6}(?:\s|$)|=+\s*$)|(\d+)(?=[.)](?:\s|$)))")
EDGE = re.compile(r"^\s+|\s+$")
BACKTICKS = re.compile("`+")


def visible(text: str) -> str:
    """Return text on one line that a terminal only shows.

    Args:
        text: anybody's.
    """
    if text.isprintable():
        return text
    return "".join(char if _has_a_shape(char) else escaped(char) for char in text)


def one_line(text: object) -> str:
    """Return words of a library, which breaks and indents them, on one line.

    Args:
        text: an error, or its message.
    """
    return " ".join(str(text).split())


def visible_lines(text: str) -> str:
    """Return text of several lines; all but the first are indented, so that none passes for a line of its own.

    Args:
        text: anybody's.
    """
    first, *others = text.rstrip("\n").split("\n")
    return "\n".join([visible(first), *(f"  {visible(line).removeprefix('  ')}" for line in others)])


def storable(text: str) -> str:
    """Return text as UTF-8 can hold it: bytes that were no UTF-8 are shown, all else stays.

    Args:
        text: with such bytes as lone surrogates, as Python reads them.
    """
    return SURROGATES.sub(lambda found: escaped(found[0]), text)


def escaped(char: str) -> str:
    r"""Return the escape of one character: ``\n``, ``\x1b``, ``\u202e``, ``\U000e0001``.

    Args:
        char: that has no shape.
    """
    code = ord(char)
    if code in BYTES:
        code -= 0xDC00
    if char in NAMED:
        return NAMED[char]
    return f"\\x{code:02x}" if code < 1 << 8 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def markdown(text: str) -> str:
    """Return text within Markdown that every renderer shows as it is, in a paragraph, a list or a cell of a table.

    Source: CommonMark 0.31.2, sections 2.4 (backslash escapes) and 2.5 (entities); GitHub Flavored Markdown 0.29,
    sections 4.10 (tables) and 6.9 (autolinks).

    Args:
        text: anybody's.
    """
    return _as_text(MARKUP.sub(lambda found: f"\\{found[0]}", visible(text)))


def markdown_sentence(text: str) -> str:
    """Return a sentence for a paragraph or a list of Markdown, with a code span for each command between backticks.

    All else is shown as :func:`markdown` does, which is the one that fits in a table.

    Args:
        text: anybody's, in parts.
    """
    return _as_text(SENTENCE.sub(lambda found: markdown_code(found[1]) if found[1] else f"\\{found[0]}", visible(text)))


def _as_text(shown: str) -> str:
    """Return inline Markdown that begins no block and keeps the spaces at its ends."""
    shown = BLOCK.sub(lambda found: f"{found[1] or ''}\\", shown)
    return EDGE.sub(lambda found: "".join(f"&#{ord(space)};" for space in found[0]), shown)


def markdown_code(text: str) -> str:
    """Return a code span of Markdown, for a paragraph or a list; in a table :func:`markdown` is the one that fits.

    Source: CommonMark 0.31.2, section 6.1.

    Args:
        text: anybody's.
    """
    shown = visible(text)
    if not shown:
        return ""
    fence = "`" * (1 + max(map(len, BACKTICKS.findall(shown)), default=0))
    touches = "`" in (shown[0], shown[-1]) or (shown[0] == shown[-1] == " " and bool(shown.strip(" ")))
    return f"{fence} {shown} {fence}" if touches else f"{fence}{shown}{fence}"


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Yield, and let what the block prints go out as text: lines, in which whatever has no shape is shown."""
    with (
        contextlib.redirect_stdout(_Shown(sys.stdout)),
        contextlib.redirect_stderr(_Shown(sys.stderr)),
    ):
        yield


class _Shown(io.TextIOBase):
    """A stream of lines in front of another one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write lines as :func:`visible` shows them."""
        self._stream.write("\n".join(map(visible, text.split("\n"))))
        return len(text)

    def flush(self) -> None:
        """Let the stream behind go on at once."""
        self._stream.flush()

    def fileno(self) -> int:
        """Name the stream behind, for libraries that write there themselves."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Say that this is no terminal: what moves its cursor would be shown."""
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream behind."""
        return self._stream.encoding


def _has_a_shape(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"


def show_what_cannot_be_encoded() -> None:
    """Let output in an encoding that lacks a character show its escape, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
