"""The making of the table of characters, by the Unicode Character Database of the Python that trains.

What a character becomes depends on nothing but itself: compatibility decomposition (NFKD) and full case folding (The
Unicode Standard, sections 3.11 and 5.18) without the combining marks of Latin (U+0300 … U+036F), so that é written
as one character and as two gives the same. Spaces and control characters separate words, format characters (as the
zero-width joiner and marks of direction) and variation selectors vanish; an ideograph, a punctuation mark and a symbol
is a word by itself, an apostrophe none.
"""

import unicodedata
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from tasks.workloads.text.characters import PAGE, UNKNOWN, Characters

ASCII = 0  # the page that every table has
SURROGATES = range(0xD800, 0xE000)
LATIN_MARKS = range(0x0300, 0x0370)
APOSTROPHES = "'\u2019\u02bc"
# blocks whose characters are words: kana, CJK ideographs with their extensions, and compatibility ideographs
IDEOGRAPHS = (range(0x3040, 0x3100), range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x40000))
VARIATION = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x1F3FB, 0x1F400))  # and tones of skin


class Folding(NamedTuple):
    """The differences that do not count."""

    digits: bool = True
    case: bool = True
    accents: bool = True


class AllCharacters(Characters):
    """All characters, and what each becomes by the tables of this Python, found when it is asked for.

    Args:
        folding: what counts as the same.
    """

    def __init__(self, folding: Folding) -> None:
        super().__init__({})
        self.folding = folding

    def __reduce__(self) -> tuple[object, ...]:
        return all_characters, (self.folding,)

    def __missing__(self, code: int) -> str:
        made = self[code] = becomes(code, self.folding)
        return made


@cache
def all_characters(folding: Folding) -> AllCharacters:
    """Return the one table of this process.

    Args:
        folding: what counts as the same.
    """
    return AllCharacters(folding)


def characters_of(pages: Collection[int], folding: Folding) -> Characters:
    """Return what the characters of some pages become, and of ASCII.

    Args:
        pages: their numbers.
        folding: what counts as the same.
    """
    codes = (page * PAGE + place for page in sorted({ASCII, *pages}) for place in range(PAGE))
    return Characters({code: becomes(code, folding) for code in codes})


def becomes(code: int, folding: Folding) -> str:
    """Return what a character becomes: a part of a word, a word between spaces, a space, or nothing.

    Args:
        code: its code point.
        folding: what counts as the same.
    """
    if code in SURROGATES or unicodedata.category(chr(code)) in ("Cn", "Co"):
        return UNKNOWN
    if chr(code) in APOSTROPHES or any(code in block for block in VARIATION):
        return ""
    decomposed = unicodedata.normalize("NFKD", chr(code))
    if folding.case:
        decomposed = unicodedata.normalize("NFKD", decomposed.casefold())
    made = "".join(_part(part, folding) for part in decomposed)
    return " " if made.isspace() else made


def _part(part: str, folding: Folding) -> str:
    category, code = unicodedata.category(part), ord(part)
    if category == "Cf" or part in APOSTROPHES or (folding.accents and code in LATIN_MARKS):
        return ""
    if category[0] in "ZC":
        return " "
    if category == "Nd" and folding.digits:
        return "0"
    if category[0] in "LMN" and not any(code in block for block in IDEOGRAPHS):
        return part
    return f" {part} "
