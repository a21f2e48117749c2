"""Count the tokens of training texts, and choose those that are known."""

from collections import Counter
from collections.abc import Iterator

from tasks.workloads.text.characters import PAGE
from tasks.workloads.text.folding import Folding, all_characters, characters_of
from tasks.workloads.text.settings import MOST_TOKENS, TextSettings
from tasks.workloads.text.tokenizer import FIRST, Tokenizer
from tasks.workloads.text.tokens import tokens_of

MOST_COUNTED = 2_000_000  # different tokens that are counted at a time
COVERED = 0.99  # fraction of the training texts that are not cut where their length is to be found
MULTIPLE = 8  # of lengths that are found


class TokenCounts:
    """Counts of tokens and lengths, which take a bounded memory.

    Where there are more different tokens than are counted at a time, those are forgotten that have been there once so
    far (lossy counting: Manku and Motwani, "Approximate Frequency Counts over Data Streams", VLDB 2002).

    Args:
        settings: ``data.text``.
    """

    def __init__(self, settings: TextSettings) -> None:
        self._settings = settings
        self._folding = Folding(settings.digits == "fold", settings.case == "fold", settings.accents == "fold")
        self._all = all_characters(self._folding)
        self._counts: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._pages: set[int] = set()
        self._forgotten = 0

    def add(self, text: str) -> None:
        """Count the tokens of a text.

        Args:
            text: of the train split.
        """
        if not text.isascii():
            self._pages.update({ord(character) // PAGE for character in text})
        tokens = tokens_of(text.translate(self._all), self._settings.tokens)
        self._lengths[min(len(tokens), MOST_TOKENS)] += 1
        if self._settings.tokens != "hashed_words":
            self._counts.update(tokens)
            if len(self._counts) > MOST_COUNTED:
                rare = [token for token, count in self._counts.items() if count == 1]
                for token in rare:
                    del self._counts[token]
                self._forgotten += len(rare)

    def tokenizer(self, unicode: str) -> Tokenizer:
        """Return a tokenizer of what was counted.

        Args:
            unicode: version of the tables that characters are judged by.

        Raises:
            ValueError: no token is often enough.
        """
        hashed = self._settings.tokens == "hashed_words"
        vocabulary = () if hashed else self._vocabulary()
        return Tokenizer(
            kind=self._settings.tokens,
            length=self._length(),
            rows=self._settings.rows if hashed else FIRST + len(vocabulary),
            characters=characters_of(self._pages, self._folding),
            vocabulary=vocabulary,
            unicode=unicode,
        )

    def _vocabulary(self) -> tuple[str, ...]:
        often = ((-count, token) for token, count in self._counts.items() if count >= self._settings.min_count)
        chosen = sorted(often)[: self._settings.rows - FIRST]
        if not chosen:
            raise ValueError(f"no token that is there {self._settings.min_count} times (data.text.min_count)")
        return tuple(sorted(token for _, token in chosen))

    def _length(self) -> int:
        if self._settings.length != "auto":
            return self._settings.length
        needed, left = 1, (1 - COVERED) * self._lengths.total()
        for length, count in sorted(self._lengths.items(), reverse=True):
            left -= count
            if left < 0:
                needed = length
                break
        return min(MOST_TOKENS, -(-max(needed, 1) // MULTIPLE) * MULTIPLE)

    def notes(self) -> Iterator[str]:
        """Yield in sentences what was learned."""
        length = self._length()
        cut = sum(count for found, count in self._lengths.items() if found > length)
        if self._settings.tokens != "hashed_words":
            vocabulary = self._vocabulary()
            known, total = sum(self._counts[token] for token in vocabulary), self._counts.total()
            yield (
                f"The vocabulary has {len(vocabulary):,} {self._settings.tokens} of {len(self._counts):,} in the "
                f"training texts; they make up {known / total:.1%} of these."
            )
        if self._forgotten:
            yield f"{self._forgotten:,} rare tokens were forgotten while all were counted."
        if cut:
            yield f"{cut:,} of {self._lengths.total():,} training texts have more than {length} tokens and are cut."
