"""A table of what becomes of each character; it goes with a release, as other versions of Python know others.

Python 3.8 and 3.11 disagree about 6,150 characters that ``\\w`` takes for parts of a word. So the table is made
once, see :mod:`tasks.workloads.text.folding`, for the pages of 128 characters that training texts use. Whatever is not
in it counts as one unknown character, on every machine. Nothing here asks Python about a character.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, groupby

PAGE = 128  # characters
PAGES = 0x110000 // PAGE
UNKNOWN = "\ufffd"
BETWEEN = b"\xff"  # no byte of ASCII: between texts that are cut into words at once


class _Ascii:
    """Folds texts of ASCII.

    Args:
        table: what each byte becomes, 256 bytes.
        gone: bytes that vanish.
        single: bytes that are words by themselves.
    """

    def __init__(self, table: bytes, gone: bytes, single: bytes) -> None:
        self._table, self._gone = table, gone
        self._parted = table[:-1] + b"\n"
        self._others = bytes(code for code in range(256) if code not in single)

    def of(self, text: bytes, parted: bool = False) -> bytes:
        """Return a text whose words have spaces between them.

        Args:
            text: of ASCII.
            parted: whether it is several texts, parted by a byte that becomes a line break.
        """
        found = text.translate(self._parted if parted else self._table, self._gone)
        for each in set(found.translate(None, self._others)):
            found = found.replace(bytes((each,)), b" %c " % each)
        return found


class Characters(dict[int, str]):
    """The characters that are known, and what each becomes, by its code point; :meth:`str.translate` takes it.

    Args:
        known: for all that are known; what is not in it is unknown.
    """

    def __init__(self, known: Mapping[int, str]) -> None:
        super().__init__(known)

    def __missing__(self, code: int) -> str:
        return UNKNOWN

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (dict(self),)

    def words(self, text: str) -> list[str]:
        """Cut a text into words.

        Args:
            text: of any characters.
        """
        if text.isascii() and (folded := self._ascii) is not None:
            return folded.of(text.encode()).decode().split()
        return [word for word in text.translate(self).split(" ") if word]

    def words_of_each(self, texts: Sequence[bytes]) -> tuple[list[str], list[int]]:
        """Cut texts into words, in less time than one by one.

        Args:
            texts: in UTF-8, in which lone surrogates have three bytes.

        Returns:
            all words, one text's behind the other's, and how many each has.
        """
        if (made := self._spaced_ascii(texts)) is not None:
            counts = [line.count(b" ") + 1 if line else 0 for line in made.split(b"\n")] if texts else []
            return made.decode().split(), counts
        each = [self.words(text.decode("utf-8", "surrogatepass")) for text in texts]
        return list(chain.from_iterable(each)), list(map(len, each))

    def spaced_each(self, texts: Sequence[bytes]) -> list[bytes]:
        """Return what :meth:`spaced` does, of many texts in less time.

        Args:
            texts: in UTF-8, in which lone surrogates have three bytes.
        """
        if (made := self._spaced_ascii(texts)) is not None:
            return made.split(b"\n") if texts else []
        return list(map(self.spaced, texts))

    def _spaced_ascii(self, texts: Sequence[bytes]) -> bytes | None:
        """Return the words of texts of ASCII with a space between each two and a line break between texts."""
        if (folded := self._ascii) is None or not all(map(bytes.isascii, texts)):
            return None
        made = folded.of(BETWEEN.join(texts), parted=True)
        while b"  " in made:
            made = made.replace(b"  ", b" ")
        return made.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")

    def spaced(self, text: bytes) -> bytes:
        """Return the words of a text with a space between each two, in UTF-8.

        Args:
            text: in UTF-8, in which lone surrogates have three bytes.
        """
        if text.isascii() and (folded := self._ascii) is not None:
            return b" ".join(folded.of(text).split())
        return " ".join(self.words(text.decode("utf-8", "surrogatepass"))).encode()

    @cached_property
    def _ascii(self) -> "_Ascii | None":
        """The same of ASCII alone, in a sixth of the time: bytes one for one, then spaces around single ones."""
        alone = {code: self[code][1] for code in range(PAGE) if self[code] != " " and len(self[code]) == 3}
        others = {code: self[code] for code in range(PAGE) if code not in alone}
        if any(len(made) > 1 for made in others.values()) or set(alone.values()) & set(others.values()):
            return None
        made = {code: each for code, each in {**alone, **others}.items() if each}
        # what becomes of a character is of ASCII, too, and no other space than the one
        if not all(each == " " or ("!" <= each <= "~") for each in made.values()):
            return None
        return _Ascii(
            table=bytes(ord(made.get(code, " ")) for code in range(256)),
            gone=bytes(code for code in range(PAGE) if code not in made),
            single="".join(sorted(set(alone.values()))).encode(),
        )

    @property
    def pages(self) -> list[int]:
        """The numbers of the pages in it."""
        return sorted({code // PAGE for code in self})


WORD, ALONE, OTHER = "w", "a", "="
FIXED = {" ": "s", "": "n", UNKNOWN: "u", "0": "z"}


def to_runs(characters: Characters) -> list[str]:
    """Return a table as text: a page's number, then runs of characters that become something in the same way.

    A run is how often, a letter, and for a character that becomes another one the distance to it.

    Args:
        characters: of whole pages.
    """
    lines = []
    for page in characters.pages:
        ways = (_way(code, characters[code]) for code in range(page * PAGE, (page + 1) * PAGE))
        runs = ((way, sum(1 for _ in same)) for way, same in groupby(ways))
        lines.append("\t".join([str(page), *(f"{count if count > 1 else ''}{way}" for way, count in runs)]))
    return lines


def _way(code: int, made: str) -> str:
    if made in FIXED:
        return FIXED[made]
    bare = made[1:-1] if len(made) == 3 and made[0] == made[2] == " " else made
    if len(bare) != 1:
        return f"{OTHER}{made}"
    distance = ord(bare) - code
    return f"{WORD if bare is made or bare == made else ALONE}{distance or ''}"


def of_runs(lines: Collection[str]) -> Characters:
    """Read a table that :func:`to_runs` wrote.

    Args:
        lines: of the text.

    Returns:
        a table of whole pages.

    Raises:
        ValueError: they are none.
    """
    return Characters({code: made for line in lines for code, made in _page(line)})


def _page(line: str) -> Iterator[tuple[int, str]]:
    number, *runs = line.split("\t")
    if not (number.isascii() and number.isdigit() and int(number) < PAGES):
        raise ValueError(f"no page {number[:20]!r}")
    code = first = int(number) * PAGE
    for run in runs:
        digits = len(run) - len(run.lstrip("0123456789"))
        count, way = int(run[:digits] or 1), run[digits:]
        if not way or code + count > first + PAGE:
            raise ValueError(f"a page {number} with more than {PAGE} characters, or with an empty run")
        for each in range(code, code + count):
            yield each, _made(each, way)
        code += count
    if code != first + PAGE:
        raise ValueError(f"a page {number} of {code - first} characters")


def _made(code: int, way: str) -> str:
    fixed = next((text for text, letter in FIXED.items() if letter == way), None)
    if fixed is not None:
        return fixed
    if way[0] == OTHER:
        return way[1:]
    if way[0] not in (WORD, ALONE):
        raise ValueError(f"no way {way[:20]!r} of a character")
    made = chr(code + int(way[1:] or 0))
    return made if way[0] == WORD else f" {made} "
