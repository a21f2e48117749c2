"""Windows of texts: the tokens in front of a place, the one that comes there, and the text that both are of.

A window waits as a text of four lines: the number of its text, the pages of characters that the text uses, the next
token (none where the text ends), and the tokens in front of it as they stand in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from tasks.workloads.protocol import Draft, UnusableError
from tasks.workloads.text.characters import PAGE
from tasks.workloads.text.folding import all_characters
from tasks.workloads.text.next_token.settings import CONTEXT, NextTokenSettings, Told
from tasks.workloads.text.tokens import tokens_of
from tasks.workloads.text.vocabulary import folding_of

MOST_WINDOWS = 4096  # of a text; of a longer one some places are passed over, at equal distances
OF_TEXT, THINNED = "text", "thinned"  # changes: of the first window of each text, and of each that is thinned


@dataclass(frozen=True)
class Window:
    """A window: ``text`` is the number of the text, and ``next`` is empty where that ends."""

    text: int
    pages: tuple[int, ...]
    next: str
    context: Sequence[str]

    def to_bytes(self, kind: Told) -> bytes:
        """Return the window as it waits.

        Args:
            kind: of the tokens.
        """
        context = joiner(kind).join(self.context)
        return "\n".join((str(self.text), ",".join(map(str, self.pages)), self.next, context)).encode()


def window_of(content: bytes, kind: Told) -> Window:
    """Return a window that :meth:`Window.to_bytes` wrote.

    Args:
        content: of the draft.
        kind: of the tokens.
    """
    text, pages, following, context = content.decode().split("\n")
    return Window(
        int(text),
        tuple(map(int, pages.split(","))) if pages else (),
        following,
        context.split(" ") if kind == "words" else context,
    )


def joiner(kind: Told) -> str:
    """Return what stands between the tokens of a text.

    Args:
        kind: of the tokens.
    """
    return " " if kind == "words" else ""


def windows(text: str, split_hash: int, digest: bytes, settings: NextTokenSettings) -> Iterator[Draft]:
    """Yield the windows of a text, from the second token on to its end.

    All have the hash of their text, so that they are in one split, and a digest of the text's and of their place.

    Args:
        text: of any length.
        split_hash: of the text.
        digest: of the text, 16 bytes.
        settings: ``data.text``.

    Raises:
        UnusableError: there is no token.
    """
    tokens = tokens_of(text, all_characters(folding_of(settings)), settings.tokens)
    if not tokens:
        raise UnusableError("no word in it")
    number = int.from_bytes(digest[:4], "little") >> 1
    pages = () if text.isascii() else tuple(sorted({ord(character) // PAGE for character in text} - {0}))
    step = max(settings.stride, -(-len(tokens) // MOST_WINDOWS))
    notes = (OF_TEXT, *((THINNED,) if step > settings.stride else ()))
    kept = CONTEXT[settings.tokens]
    for place in range(1 + split_hash % min(step, len(tokens)), len(tokens) + 1, step):
        following = tokens[place] if place < len(tokens) else ""
        made = Window(number, pages, following, tokens[max(0, place - kept) : place])
        own = blake2b(digest + place.to_bytes(4, "little"), digest_size=16).digest()
        yield Draft(split_hash, own, made.to_bytes(settings.tokens), notes)
        notes = ()
