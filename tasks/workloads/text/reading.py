"""Read texts as samples: rows of tables and files of class folders become the numbers of tokens."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.errors import DataError
from tasks.paths import clean
from tasks.samples import Specs, TensorSpec
from tasks.workloads.class_folders import SPLIT_FOLDERS, ClassFiles, class_and_split
from tasks.workloads.items import Item, Payload, RawSample, RefusedSample, Rows, SourceFile, TakeFile
from tasks.workloads.protocol import Draft, Drafted, UnusableError
from tasks.workloads.tables.files import is_table, take_table
from tasks.workloads.tables.streams import encoding_of
from tasks.workloads.text.folding import Folding, all_characters
from tasks.workloads.text.numbers import FIRST, UNKNOWN_ID
from tasks.workloads.text.pieces import PIECES, expect_library
from tasks.workloads.text.settings import TOKENS, TextSettings
from tasks.workloads.text.tokenizer import FILE, MAX_TEXT, Tokenizer
from tasks.workloads.text.vocabulary import TokenCounts, count_tokens, learn_tokenizer

KEY = b"slimline: place of a text among the splits"  # of the keyed hash; another one would deal all samples anew
FILES = ClassFiles("a text file", frozenset({"txt"}), 4 * MAX_TEXT)
ROW = re.compile(r":\d+$")
# texts that differ in digits, case or accents alone fall together, whatever a network sees of them
FOLDED = all_characters(Folding())
PLACE = hashlib.blake2b(digest_size=24, key=KEY)  # a copy takes half the time of a new one


@dataclass(frozen=True)
class LearnedTexts:
    """Texts whose tokens are known."""

    tokenizer: Tokenizer
    notes: tuple[str, ...] = ()
    stay = FIRST
    unknown = UNKNOWN_ID

    @property
    def why_whole(self) -> str:
        """A hash has no vocabulary."""
        return "" if self.tokenizer.vocabulary else f"{self.tokenizer.kind} have no vocabulary: set data.text.rows"

    def keeping(self, ids: Sequence[int]) -> "LearnedTexts":
        """Know some of the tokens alone."""
        return LearnedTexts(self.tokenizer.keeping(ids))

    @property
    def inputs(self) -> Specs:
        """One: the numbers of tokens."""
        tokenizer = self.tokenizer
        return (TensorSpec(name=TOKENS, dtype="int32", shape=(tokenizer.length,), low=0, high=tokenizer.rows - 1),)

    @property
    def assets(self) -> Mapping[str, bytes]:
        """The tokenizer, and the model of pieces where it has one."""
        made = {FILE: self.tokenizer.to_bytes()}
        return made | ({PIECES: self.tokenizer.pieces} if self.tokenizer.pieces else {})

    def encode(self, contents: Sequence[bytes]) -> Mapping[str, Array]:
        """Return the numbers of the tokens of texts, int32 ``[n, length]``.

        Args:
            contents: n texts, as :meth:`TextReader.read` gives them.
        """
        return {TOKENS: self.tokenizer.encode_all(contents)}

    def tell(self, changes: Counter[str]) -> list[str]:  # noqa: ARG002 - texts are changed here alone
        """Say what was learned."""
        return list(self.notes)


@dataclass(frozen=True)
class TextReader:
    """Reads texts, and learns how to make tokens of them.

    Args:
        settings: ``data.text``.
    """

    settings: TextSettings

    def unfold(self, rows: Rows, labelled: bool = True) -> Iterator[RawSample | RefusedSample]:
        """Make samples of rows: of each the columns of text, then the label, then the split, if there is one.

        Args:
            rows: of a table.
            labelled: whether a row without a label is refused.
        """
        count = len(self.settings.text)
        for number, cells in zip(rows.numbers, rows.rows, strict=True):
            name, label = f"{rows.file}:{number}", cells[count].strip()
            split = rows.split
            if self.settings.split:
                said = cells[count + 1].strip()
                split = SPLIT_FOLDERS.get(said.lower())
                if split is None:
                    yield RefusedSample(name, f"the split {said[:50]!r}: {', '.join(SPLIT_FOLDERS)} are known")
                    continue
            if labelled and not label:
                yield RefusedSample(name, "no label")
                continue
            text = "\n".join(cells[:count]) if count > 1 else cells[0]
            yield RawSample(name, label, split, text.encode("utf-8", "surrogatepass"))

    def drafted(self, rows: Rows) -> Drafted | None:
        """Make samples of rows of ASCII that have a text and a label; see :meth:`unfold` and :func:`read_text`."""
        if self.settings.split:
            return None
        *columns, last = zip(*rows.rows, strict=True)
        texts = columns[0] if len(columns) == 1 else tuple(map("\n".join, zip(*columns, strict=True)))
        labels = list(map(str.strip, last))
        if not all(map(str.isascii, texts)) or not all(labels) or max(map(len, texts)) > MAX_TEXT:
            return None
        contents = list(map(str.encode, texts))
        spaced = FOLDED.spaced_each(contents)
        if not all(spaced):
            return None
        digests = list(map(_digest_of, spaced))
        hashes = np.frombuffer(b"".join(digests), "<u8")[::3].tolist()
        drafts = [
            Draft(split_hash, digest[8:], content)
            for split_hash, digest, content in zip(hashes, digests, contents, strict=True)
        ]
        return Drafted([f"{rows.file}:{number}" for number in rows.numbers], labels, drafts)

    def read(self, payload: Payload) -> Draft:
        """Read a text, see :func:`read_text`."""
        return read_text(payload)

    def study(self, contents: Iterator[bytes]) -> TokenCounts:
        """Count the tokens of some training texts."""
        return count_tokens(contents, self.settings)

    def learn(self, studied: Iterator[TokenCounts]) -> LearnedTexts:
        """Learn the tokens of the training texts, and how many a text has.

        Raises:
            ValueError: none is often enough.
        """
        counts = TokenCounts()
        for part in studied:
            counts.merge(part)
        tokenizer, notes = learn_tokenizer(counts, self.settings, unicodedata.unidata_version)
        return LearnedTexts(tokenizer, tuple(notes))


def read_text(payload: Payload) -> Draft:
    """Read a text, as UTF-8 or as its byte order mark says.

    The hash that decides the split is of the tokens, digits, case and accents folded: texts that are equal but for
    these fall together, and count as equal.

    Args:
        payload: bytes of the text.

    Returns:
        the text as it waits, in UTF-8.

    Raises:
        UnusableError: it is empty, too long, or in no such encoding.
    """
    content = bytes(payload)
    length = len(content)
    if not content.isascii():
        text = decoded(content)
        content, length = text.encode("utf-8", "surrogatepass"), len(text)
    if length > MAX_TEXT:
        raise UnusableError(f"{length:,} characters: at most {MAX_TEXT:,} are expected")
    words = FOLDED.spaced(content)
    if not words:
        raise UnusableError("no word in it")
    digest = _digest_of(words)
    return Draft(int.from_bytes(digest[:8], "little"), digest[8:], content)


def _digest_of(words: bytes) -> bytes:
    """Return 24 bytes: the hash that decides the split, and behind it what tells texts apart."""
    hasher = PLACE.copy()
    hasher.update(words)
    return hasher.digest()


def decoded(payload: Payload) -> str:
    """Return the text of a text file.

    Args:
        payload: its bytes.

    Raises:
        UnusableError: they are in no encoding that is known.
    """
    content = bytes(payload)
    encoding = encoding_of(content[:4], "utf-8")
    try:
        return content.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        raise UnusableError(f"no {encoding} ({error.reason} at byte {error.start:,})") from None


class TextReading:
    """Texts are rows of tables, or files in the folders of their classes."""

    layout = "a table with a column of texts and one of labels (.csv, .tsv, .jsonl, .parquet), or <class>/<file>.txt"

    def take_file(self, settings: TextSettings) -> TakeFile:
        """A table is many texts, a text file one, whose class folder is its class."""

        def take(file: SourceFile) -> Iterator[Item]:
            if is_table(file.path):
                return take_table(file, [*settings.text, settings.label], settings)
            return FILES.take(file)

        return take

    def is_meant(self, path: str) -> bool:
        """Return whether the file's ending is that of a table or a text; a row of one is meant."""
        return is_table(ROW.sub("", path)) or FILES.claims(path)

    def reader(self, settings: TextSettings, items: Iterator[Item]) -> tuple[TextReader, Iterator[Item]]:
        """Nothing has to be looked at.

        Raises:
            NotInstalled: pieces of words are wanted, and their library is missing.
        """
        if settings.tokens == "sentencepiece":
            expect_library()
        return TextReader(settings), items

    def learned(self, assets: Mapping[str, bytes]) -> LearnedTexts:
        """Return the tokenizer of a release.

        Raises:
            DataError: there is none, or a damaged one.
        """
        try:
            return LearnedTexts(Tokenizer.of_bytes(assets.get(FILE, b""), assets.get(PIECES, b"")))
        except ValueError as error:
            raise DataError(f"Expected a release with {FILE}. Received: {error}. Publish it again.") from None

    def collected(self, file: SourceFile, settings: TextSettings) -> Iterator[RawSample | RefusedSample]:
        """Yield the texts of a table, with its labels where it has them, or the one of a text file."""
        if not is_table(file.path):
            found = class_and_split(clean(file.path))
            yield RawSample(file.path, "" if isinstance(found, str) else found[0], None, file.read())
            return
        reader, wanted = TextReader(settings), [*settings.text, settings.label]
        for item in take_table(file, wanted, settings, optional=(settings.label,)):
            if isinstance(item, Rows):
                yield from reader.unfold(item, labelled=False)
            elif isinstance(item, RefusedSample):
                yield item

    def draft(self, sample: RawSample, settings: TextSettings) -> Draft:
        """Read a text; see :meth:`TextReader.read`."""
        return TextReader(settings).read(sample.payload)

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        """Return the numbers of the tokens of a text, or of a text file's where it is a path.

        Raises:
            DataError: the release has no tokenizer that fits, or there is no text.
        """
        (spec,), tokenizer = inputs, self.learned(assets).tokenizer
        if (tokenizer.length,) != spec.shape or tokenizer.rows - 1 > spec.high:
            raise DataError(
                f"Expected a tokenizer of {spec.shape[0]} tokens and {spec.high + 1:.0f} rows, as the model takes. "
                f"Received: {tokenizer.length} tokens and {tokenizer.rows} rows. Publish the release again."
            )
        text = asked_text(question)
        if not tokenizer.numbers_of(text):
            raise DataError(f"Expected a text with a word in it. Received: {text[:100]!r}. Give another one.")
        return {TOKENS: tokenizer.encode([text])[0]}


def asked_text(question: str | Path) -> str:
    """Return the text of a question, or that of its file where it is a path.

    Args:
        question: as a person gave it.

    Raises:
        DataError: the file cannot be read, is too large, or is no text.
    """
    if isinstance(question, str):
        return question
    try:
        return decoded(_content(question))
    except (OSError, UnusableError) as error:
        raise DataError(f"Expected a text. Received: {str(question)[:100]!r} ({error}). Give another one.") from None


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(FILES.most_bytes + 1)
    if len(content) > FILES.most_bytes:
        raise UnusableError(f"more than {FILES.most_bytes:,} bytes")
    return content
