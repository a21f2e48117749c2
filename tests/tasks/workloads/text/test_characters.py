"""Characters and what becomes of them, on every Python that is here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.workloads.text import characters, tokens
from tasks.workloads.text.characters import PAGE, PAGES, UNKNOWN, of_runs, to_runs
from tasks.workloads.text.folding import Folding, all_characters, characters_of
from tasks.workloads.text.tokens import of_front_coding, to_front_coding, tokens_of

MODULES = (characters.__file__, tokens.__file__)
VERSIONS = ("3.11", "3.12", "3.13", "3.14")  # of Python, that slimline runs on
PLAIN = Folding()
# NUL, a lone surrogate, combining forms, zero-width, right-to-left, emoji of several parts, an unassigned one
ODD = (
    "nul\0 \udfff\ud800 e\u0301é ﬁ ½ ſ ẞ ǅ a\u200db \u202eשלום\u202c مَرحبا"
    " 👩‍👩‍👧‍👦 🇨🇭 👍🏽 ❤️ 漢字かな 한국 ไทยที่ \U000e0001\u0378\U0010ffff١٢३"
)
DEVICE = """
import json, runpy, sys
sys.modules["unicodedata"] = None  # these two ask Python about no character, and need no library
of_runs, tokens_of = (runpy.run_path(path)[name] for path, name in zip(sys.argv[1:], ("of_runs", "tokens_of")))
lines, texts = json.load(sys.stdin)
characters = of_runs(lines)
print(json.dumps([tokens_of(text, characters, kind) for text in texts for kind in ("words", "characters")]))
"""
TABLES = """
import json, unicodedata, zlib
def known(code):
    character = chr(code)
    if 0xD800 <= code < 0xE000:
        return None
    return unicodedata.category(character), unicodedata.normalize("NFKD", character), character.casefold()
pages = range(0, 0x110000, 128)
print(json.dumps([zlib.crc32(repr([known(code) for code in range(page, page + 128)]).encode()) for page in pages]))
"""


def words(text: str, folding: Folding = PLAIN) -> list[str]:
    return tokens_of(text, all_characters(folding), "words")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  STOP!!", ["dont", "stop", "!", "!"]),
        ("Call 08452810075 now: £1.50", ["call", "00000000000", "now", ":", "£", "0", ".", "00"]),
        ("Café cafe\u0301 ﬁne Straße", ["cafe", "cafe", "fine", "strasse"]),
        ("a\u200bb\u200dc\ufeffd \u202edef\u202c", ["abcd", "def"]),
        ("漢字かな", ["漢", "字", "か", "な"]),
        ("👍🏽 ❤️👩‍👧 🇨🇭", ["👍", "❤", "👩", "👧", "🇨", "🇭"]),
        ("x\0y\ty\u3000z\x85w", ["x", "y", "y", "z", "w"]),
        ("\ud800a", [f"{UNKNOWN}a"]),
        ("١٢ ３", ["00", "0"]),
        ("", []),
    ],
)
def test_texts_become_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_what_is_kept_apart_where_that_is_wanted() -> None:
    assert words("Éa 12", Folding(digits=False, case=False, accents=False)) == ["E\u0301a", "12"]
    assert words("Éa 12", Folding(digits=False, case=True, accents=True)) == ["ea", "12"]


def test_characters_are_words_and_the_spaces_between_them() -> None:
    assert tokens_of(" Hi,  you", all_characters(PLAIN), "characters") == list("hi , you")


@given(st.text(st.characters(codec=None)))
def test_no_text_gives_a_surrogate_or_an_empty_word(text: str) -> None:
    for word in words(text):
        assert word
        word.encode()


def test_what_is_not_in_the_table_is_one_unknown_character_each() -> None:
    assert tokens_of("abc дом 漢", characters_of([], PLAIN), "words") == ["abc", UNKNOWN * 3, UNKNOWN]


def test_a_table_of_many_characters_goes_through_its_text() -> None:
    pages = [*range(1 << 10), *range(1 << 10, PAGES, 11)]
    table = characters_of(pages, PLAIN)
    assert of_runs(to_runs(table)) == table
    assert len(table) == PAGE * len(pages)


@pytest.mark.parametrize(
    "line",
    ["", "x", "-1\t128w", "8704\t128w", "0", "0\t127w", "0\t129w", "0\t127w\t2w", "0\t128", "0\t128x", "0\t128w-1"],
)
def test_a_damaged_table_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"page|way|run|chr|base 10"):
        of_runs([line])


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1), unique=True))
def test_a_vocabulary_goes_through_its_text(found: list[str]) -> None:
    vocabulary = tuple(sorted(found))
    assert of_front_coding(to_front_coding(vocabulary)) == vocabulary


@pytest.mark.parametrize("text", ["!a", "\x1fa", " a\n", " a\n\n b"])
def test_a_damaged_vocabulary_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        of_front_coding(text)


def pythons(*versions: str) -> list[str]:
    """The interpreters that are here, by their versions; those of pyenv, too."""
    found = []
    for version in versions:
        beside = sorted(Path(sys.base_prefix).parent.glob(f"{version}.*/bin/python{version}"))
        if path := shutil.which(f"python{version}") or (str(beside[-1]) if beside else None):
            works = subprocess.run(
                [path, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False
            )
            found += [path] if works.stdout else []
    return found


def asked(python: str, program: str, *arguments: str, given: object = None) -> list[object]:
    done = subprocess.run(
        [python, "-I", "-c", program, *arguments], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_every_python_gives_the_same_tokens_whatever_its_own_tables_say() -> None:
    here = asked(sys.executable, TABLES)
    differing = {
        page
        for python in pythons("3.8", *VERSIONS)
        for page, (mine, other) in enumerate(zip(here, asked(python, TABLES), strict=True))
        if mine != other
    }
    codes = (page * PAGE + place for page in differing for place in range(PAGE))
    texts = [ODD, *(f"a{chr(code)}b {chr(code)}" for code in codes)]
    table = characters_of({ord(character) // PAGE for text in texts for character in text}, PLAIN)
    expected = [tokens_of(text, table, kind) for text in texts for kind in ("words", "characters")]
    for python in {sys.executable, *pythons(*VERSIONS)}:
        assert asked(python, DEVICE, *MODULES, given=[to_runs(table), texts]) == expected, python


@given(st.text(st.characters(max_codepoint=127)), st.builds(Folding, st.booleans(), st.booleans(), st.booleans()))
def test_ascii_is_cut_as_all_texts_are(text: str, folding: Folding) -> None:
    table = all_characters(folding)
    assert table.words(text) == [word for word in text.translate(table).split(" ") if word]
