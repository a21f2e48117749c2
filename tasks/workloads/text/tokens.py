"""Cut texts into tokens, and write the tokens that are known. Nothing here asks Python about a character."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.workloads.text.characters import Characters
    from tasks.workloads.text.settings import Kind  # no pydantic: devices of any Python read this

SHARED = 32  # code point of "nothing in common" in the front coding
MOST_SHARED = 90


def tokens_of(text: str, characters: "Characters", kind: "Kind") -> list[str]:
    """Cut a text into tokens.

    Args:
        text: of any characters.
        characters: what becomes of each.
        kind: of the tokens.

    Returns:
        the tokens in their order.
    """
    words = characters.words(text)
    return list(" ".join(words)) if kind == "characters" else words


def tokens_of_each(texts: Sequence[bytes], characters: "Characters", kind: "Kind") -> tuple[list[str], list[int]]:
    """Cut texts into tokens, in less time than one by one.

    Args:
        texts: in UTF-8, in which lone surrogates have three bytes.
        characters: what becomes of each.
        kind: of the tokens.

    Returns:
        all tokens, one text's behind the other's, and how many each has.
    """
    if kind != "characters":
        return characters.words_of_each(texts)
    spaced = [text.decode() for text in characters.spaced_each(texts)]
    return list("".join(spaced)), list(map(len, spaced))


def to_front_coding(words: Sequence[str]) -> str:
    """Return sorted words as one text: of each how much it shares with the one before, as a character, and the rest.

    Args:
        words: sorted; no line breaks in them.
    """
    coded, before = [], ""
    for word in words:
        shared = 0
        while shared < min(len(word), len(before), MOST_SHARED) and word[shared] == before[shared]:
            shared += 1
        coded.append(chr(SHARED + shared) + word[shared:])
        before = word
    return "\n".join(coded)


def of_front_coding(text: str) -> tuple[str, ...]:
    """Return the words of a text that :func:`to_front_coding` made.

    Args:
        text: of them.

    Raises:
        ValueError: it is none.
    """
    words: list[str] = []
    before = ""
    for line in text.split("\n") if text else ():
        shared = ord(line[:1] or " ") - SHARED
        if not line or not 0 <= shared <= len(before):
            raise ValueError("a vocabulary that is damaged")
        before = before[:shared] + line[1:]
        words.append(before)
    return tuple(words)
