"""A tokenizer: from a text to the numbers of its tokens, and the file in which it goes with a release.

0 stands for no token, before the first one of a text that is shorter than the network takes; 1 for a token that is not
known; the others are rows of a table. The file is gzipped JSON and has all that is needed: the table of characters, and
the vocabulary, sorted, in front coding (each token by how much of its beginning the one before it has).
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.workloads.text.characters import Characters, of_runs, to_runs
from tasks.workloads.text.numbers import FIRST, UNKNOWN_ID
from tasks.workloads.text.pieces import open_pieces
from tasks.workloads.text.settings import KINDS, MOST_ROWS, MOST_TOKENS, Kind
from tasks.workloads.text.tokens import of_front_coding, to_front_coding, tokens_of, tokens_of_each

FILE = "tokenizer.json.gz"
FORMAT = 1
MAX_FILE = 256 << 20  # bytes, unpacked
MAX_TEXT = 1 << 20  # characters of a text; more is no text but a mistake
SEEN = 1 << 20  # hashed words that are remembered
DIFFERENCES = ("digits", "case", "accents")
MOST_OTHERS = (1 << 31) - 1


class _Numbers(dict[str, int]):
    """The numbers of tokens; those that it does not have are unknown."""

    def __missing__(self, token: str) -> int:
        return UNKNOWN_ID


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Makes numbers of texts.

    ``kind``: words, characters, hashed_words or sentencepiece. ``length``: tokens of each text; longer ones are cut,
    shorter ones have zeros in front. ``rows``: numbers are below it. ``characters``: what becomes of each.
    ``vocabulary``: the tokens from number 2 on, sorted; none for hashed words and pieces. ``unicode``: the version of
    the tables that it was made with. ``pieces``: the model of SentencePiece, which is a file of its own. ``others``:
    where the next token is told, how many different tokens of the training texts are not known; ``kept``: differences
    that count there, of digits, case and accents.
    """

    kind: Kind
    length: int
    rows: int
    characters: Characters
    vocabulary: tuple[str, ...]
    unicode: str
    pieces: bytes = b""
    others: int | None = None
    kept: tuple[str, ...] = ()
    _numbers: _Numbers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        numbers = _Numbers({token: FIRST + place for place, token in enumerate(self.vocabulary)})
        object.__setattr__(self, "_numbers", numbers)

    def numbers_of(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, at most as many as the network takes.

        Args:
            text: of any length.
        """
        if self.kind == "sentencepiece":
            words = " ".join(self.characters.words(text))
            return [number + UNKNOWN_ID for number in self._pieces.encode(words)[: self.length]]
        tokens = tokens_of(text, self.characters, self.kind)[: self.length]
        known = self._numbers
        if self.kind != "hashed_words":
            return [known.get(token, UNKNOWN_ID) for token in tokens]
        if len(known) > SEEN:
            known.clear()
        return [known.get(token) or self._hashed(token) for token in tokens]

    def number_of(self, token: str) -> int:
        """Return the number of a token of the vocabulary, or that of an unknown one.

        Args:
            token: one, folded.
        """
        return self._numbers.get(token, UNKNOWN_ID)

    @cached_property
    def _pieces(self) -> Any:
        return open_pieces(self.pieces)

    def _hashed(self, token: str) -> int:
        number = self._numbers[token] = FIRST + zlib.crc32(token.encode()) % (self.rows - FIRST)
        return number

    def encode(self, texts: Iterable[str]) -> NDArray[np.int32]:
        """Return the numbers of the tokens of texts, ``[n, length]``.

        Args:
            texts: n of them.
        """
        rows = [self.numbers_of(text) for text in texts]
        counts = list(map(len, rows))
        return self._stacked(np.fromiter(chain.from_iterable(rows), np.int32, sum(counts)), counts)

    def encode_all(self, texts: Sequence[bytes]) -> NDArray[np.int32]:
        """Return what :meth:`encode` does, of many texts in less time.

        Args:
            texts: n of them in UTF-8, in which lone surrogates have three bytes.
        """
        if self.kind in ("sentencepiece", "hashed_words"):
            return self.encode(text.decode("utf-8", "surrogatepass") for text in texts)
        tokens, counts = tokens_of_each(texts, self.characters, self.kind)
        return self._stacked(np.fromiter(map(self._numbers.__getitem__, tokens), np.int32, len(tokens)), counts)

    def _stacked(self, numbers: NDArray[np.int32], counts: Sequence[int]) -> NDArray[np.int32]:
        """Return rows of numbers with zeros in front of them; they stand one behind the other, so many of each."""
        length, sizes = self.length, np.array(counts, np.int64)
        starts = np.cumsum(sizes) - sizes
        # a number's place in its row, and the row's in all rows
        places = np.arange(len(numbers)) - np.repeat(starts, sizes)
        shift = np.arange(len(sizes)) * length + length - np.minimum(sizes, length)
        into = places + np.repeat(shift, sizes)
        kept = places < length
        made = np.zeros(len(sizes) * length, np.int32)
        made[into[kept]] = numbers[kept]
        return made.reshape(len(sizes), length)

    def keeping(self, numbers: Sequence[int]) -> "Tokenizer":
        """Return the tokenizer that knows some of the tokens alone; those that it does not know are unknown.

        Args:
            numbers: of the tokens, rising.
        """
        kept = tuple(self.vocabulary[number - FIRST] for number in numbers)
        return replace(self, rows=FIRST + max(1, len(kept)), vocabulary=kept)

    def to_bytes(self) -> bytes:
        """Return the tokenizer as a file; the same one gives the same bytes."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "kind": self.kind,
            "length": self.length,
            "rows": self.rows,
            "unicode": self.unicode,
            "characters": to_runs(self.characters),
            "vocabulary": to_front_coding(self.vocabulary),
        }
        if self.others is not None:
            content["next"] = {"others": self.others, "kept": self.kept}
        return gzip.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)

    @classmethod
    def of_bytes(cls, content: bytes, pieces: bytes = b"") -> "Tokenizer":
        """Read a file that :meth:`to_bytes` wrote.

        Args:
            content: of the file.
            pieces: of the model of SentencePiece, where there is one.

        Returns:
            the tokenizer that was written.

        Raises:
            ValueError: it is none, or of a format that is not known here.
        """
        try:
            found = json.loads(_unpacked(content))
            if found["format"] != FORMAT:
                raise ValueError(f"the format {str(found['format'])[:20]}; {FORMAT} is known")
            vocabulary = of_front_coding(found["vocabulary"])
            made = cls(
                kind=_one_of(found["kind"], KINDS),
                length=_number(found["length"], 1, MOST_TOKENS),
                rows=_number(found["rows"], FIRST + max(1, len(vocabulary)), MOST_ROWS),
                characters=of_runs(found["characters"]),
                vocabulary=vocabulary,
                unicode=str(found["unicode"]),
                pieces=pieces,
                **_next(found.get("next")),
            )
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"no tokenizer ({type(error).__name__}: {str(error)[:200]})") from None
        if made.kind == "sentencepiece" and made._pieces.get_piece_size() + UNKNOWN_ID != made.rows:
            raise ValueError(f"{made._pieces.get_piece_size():,} pieces for {made.rows:,} rows")
        return made


def _unpacked(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # a gzip member
    try:
        made = unpacker.decompress(content, MAX_FILE)
    except zlib.error as error:
        raise ValueError(f"no gzip file ({error})") from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"a gzip file that is cut, or of more than {MAX_FILE:,} bytes")
    return made


def _next(found: Any) -> dict[str, Any]:
    """Read what a tokenizer has where the next token is told."""
    if found is None:
        return {}
    kept = found["kept"]
    if not isinstance(kept, list) or not set(kept) <= set(DIFFERENCES):
        raise ValueError(f"the differences {str(kept)[:50]}; {', '.join(DIFFERENCES)} are known")
    return {"others": _number(found["others"], 0, MOST_OTHERS), "kept": tuple(kept)}


def _one_of(value: Any, known: tuple[Kind, ...]) -> Kind:
    if value not in known:
        raise ValueError(f"the kind {str(value)[:50]!r}; {', '.join(known)} are known")
    return value  # type: ignore[no-any-return]


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"the number {str(value)[:50]}; {least} to {most} is expected")
    return value
