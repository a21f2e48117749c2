"""Count the tokens of training texts, and choose those that are known."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tasks.workloads.text.characters import PAGE
from tasks.workloads.text.folding import Folding, all_characters, characters_of
from tasks.workloads.text.numbers import FIRST, UNKNOWN_ID
from tasks.workloads.text.pieces import open_pieces, train_pieces
from tasks.workloads.text.settings import MOST_TOKENS, TokenSettings
from tasks.workloads.text.tokenizer import Tokenizer
from tasks.workloads.text.tokens import tokens_of_each

MOST_COUNTED = 2_000_000  # different tokens that are counted at a time
COVERED = 0.99  # fraction of the training texts that are not cut where their length is to be found
MULTIPLE = 8  # of lengths that are found
AT_ONCE = 1 << 18  # bytes of texts that are cut at once


@dataclass
class TokenCounts:
    """Counts of tokens and of lengths, and the pages of characters that texts use.

    They take a bounded memory: where there are more different tokens than are counted at a time, those are forgotten
    that have been there once so far (lossy counting: Manku and Motwani, "Approximate Frequency Counts over Data
    Streams", VLDB 2002). ``forgotten``: how many.
    """

    tokens: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    pages: set[int] = field(default_factory=set)
    forgotten: int = 0

    def merge(self, other: "TokenCounts") -> None:
        """Take in what was counted elsewhere.

        Args:
            other: of other texts.
        """
        self.tokens.update(other.tokens)
        self.lengths.update(other.lengths)
        self.pages |= other.pages
        self.forgotten += other.forgotten
        self.forget()

    def forget(self) -> None:
        """Forget rare tokens where there are too many."""
        if len(self.tokens) > MOST_COUNTED:
            rare = [token for token, count in self.tokens.items() if count == 1]
            for token in rare:
                del self.tokens[token]
            self.forgotten += len(rare)


def folding_of(settings: TokenSettings) -> Folding:
    """Return what counts as the same.

    Args:
        settings: ``data.text``.
    """
    return Folding(settings.digits == "fold", settings.case == "fold", settings.accents == "fold")


def count_tokens(texts: Iterable[bytes], settings: TokenSettings) -> TokenCounts:
    """Count the tokens of texts.

    Args:
        texts: of the train split, in UTF-8.
        settings: ``data.text``.

    Returns:
        what was counted, for :func:`learn_tokenizer`.
    """
    counts, characters = TokenCounts(), all_characters(folding_of(settings))
    for some in _lists(texts):
        for text in some:
            if not text.isascii():
                counts.pages.update({ord(character) // PAGE for character in text.decode("utf-8", "surrogatepass")})
        tokens, lengths = tokens_of_each(some, characters, settings.tokens)
        counts.lengths.update(min(length, MOST_TOKENS) for length in lengths)
        if settings.tokens != "hashed_words":
            counts.tokens.update(tokens)
            counts.forget()
    return counts


def _lists(texts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield texts in lists that take a bounded memory."""
    some, size = list[bytes](), 0
    for text in texts:
        some.append(text)
        size += len(text)
        if size >= AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def learn_tokenizer(counts: TokenCounts, settings: TokenSettings, unicode: str) -> tuple[Tokenizer, list[str]]:
    """Return a tokenizer of what was counted, and in sentences what was learned.

    Args:
        counts: of the whole train split.
        settings: ``data.text``.
        unicode: version of the tables that characters are judged by.

    Raises:
        ValueError: no token is often enough.
    """
    if settings.tokens == "sentencepiece":
        tokenizer = _of_pieces(counts, settings, unicode)
        return tokenizer, list(_notes(counts, tokenizer))
    hashed = settings.tokens == "hashed_words"
    vocabulary = () if hashed else _vocabulary(counts, settings)
    tokenizer = Tokenizer(
        kind=settings.tokens,
        length=_length(counts) if settings.length == "auto" else settings.length,
        rows=settings.rows if hashed else FIRST + len(vocabulary),
        characters=characters_of(counts.pages, folding_of(settings)),
        vocabulary=vocabulary,
        unicode=unicode,
    )
    return tokenizer, list(_notes(counts, tokenizer))


def _of_pieces(counts: TokenCounts, settings: TokenSettings, unicode: str) -> Tokenizer:
    """Return a tokenizer of pieces of words; a text is taken to have as many a word as all texts together."""
    model = train_pieces(counts.tokens, settings.rows - UNKNOWN_ID)
    cut = open_pieces(model)
    pieces = sum(count * len(cut.encode(word)) for word, count in counts.tokens.items())
    length = math.ceil(_length(counts) * pieces / counts.tokens.total() / MULTIPLE) * MULTIPLE
    return Tokenizer(
        kind="sentencepiece",
        length=min(MOST_TOKENS, length) if settings.length == "auto" else settings.length,
        rows=cut.get_piece_size() + UNKNOWN_ID,
        characters=characters_of(counts.pages, folding_of(settings)),
        vocabulary=(),
        unicode=unicode,
        pieces=model,
    )


def _vocabulary(counts: TokenCounts, settings: TokenSettings) -> tuple[str, ...]:
    often = ((-count, token) for token, count in counts.tokens.items() if count >= settings.min_count)
    chosen = sorted(often)[: settings.rows - FIRST]
    if not chosen:
        raise ValueError(f"no token that is there {settings.min_count} times (data.text.min_count)")
    return tuple(sorted(token for _, token in chosen))


def _length(counts: TokenCounts) -> int:
    needed, left = 1, (1 - COVERED) * counts.lengths.total()
    for length, count in sorted(counts.lengths.items(), reverse=True):
        left -= count
        if left < 0:
            needed = length
            break
    return min(MOST_TOKENS, -(-max(needed, 1) // MULTIPLE) * MULTIPLE)


def _notes(counts: TokenCounts, tokenizer: Tokenizer) -> Iterator[str]:
    if tokenizer.vocabulary:
        known, total = sum(counts.tokens[token] for token in tokenizer.vocabulary), counts.tokens.total()
        yield (
            f"The vocabulary has {len(tokenizer.vocabulary):,} {tokenizer.kind} of {len(counts.tokens):,} in the "
            f"training texts; they make up {known / total:.1%} of these."
        )
    if tokenizer.pieces:
        yield f"SentencePiece has {tokenizer.rows - FIRST:,} pieces of {len(counts.tokens):,} words of training texts."
    if counts.forgotten:
        yield f"{counts.forgotten:,} rare tokens were forgotten while all were counted."
    if cut := sum(count for length, count in counts.lengths.items() if length > tokenizer.length):
        texts = counts.lengths.total()
        yield f"{cut:,} of {texts:,} training texts have more than {tokenizer.length} tokens and are cut."
