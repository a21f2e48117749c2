"""Read texts as windows of tokens, and go on with a text token by token."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.errors import DataError
from tasks.paths import clean, is_litter
from tasks.samples import Specs, TensorSpec
from tasks.workloads.class_folders import SPLIT_FOLDERS
from tasks.workloads.items import Item, Payload, RawSample, RefusedSample, Rows, SourceFile, TakeFile
from tasks.workloads.measuring import MOST_NAMED
from tasks.workloads.outcomes.next_token.targets import target_of
from tasks.workloads.protocol import Draft
from tasks.workloads.tables.files import declared_split, is_table, take_table
from tasks.workloads.text.next_token.settings import NextTokenSettings, Told
from tasks.workloads.text.next_token.windows import OF_TEXT, THINNED, joiner, window_of, windows
from tasks.workloads.text.numbers import FIRST, PADDING, UNKNOWN_ID
from tasks.workloads.text.reading import FILES, LearnedTexts, TextReading, asked_text, read_text
from tasks.workloads.text.settings import TOKENS
from tasks.workloads.text.tokenizer import DIFFERENCES
from tasks.workloads.text.tokens import tokens_of
from tasks.workloads.text.vocabulary import TokenCounts, learn_tokenizer

ONE = {"words": "word", "characters": "character"}


@dataclass(frozen=True)
class LearnedNextTokens(LearnedTexts):
    """Texts whose tokens are known, and of which the next one is told."""

    @property
    def why_whole(self) -> str:
        """The answers are tokens, too."""
        return "a vocabulary whose tokens are the network's answers, too: set data.text.rows"

    @property
    def target(self) -> TensorSpec:
        """The next token; see :mod:`tasks.workloads.outcomes.next_token.targets`."""
        return target_of("_".join((ONE[self.tokenizer.kind], *self.tokenizer.kept)))

    @property
    def told(self) -> Told:
        """The kind of the tokens."""
        return "words" if self.tokenizer.kind == "words" else "characters"

    def encode(self, contents: Sequence[bytes]) -> Mapping[str, Array]:
        """Return the numbers of the tokens of windows, int32 ``[n, length]``, and the targets, int32 ``[n, 3]``.

        Args:
            contents: n windows, as :func:`.windows.windows` gives them.
        """
        read = [window_of(content, self.told) for content in contents]
        others = max(1, self.tokenizer.others or 0)
        targets = np.zeros((len(read), 3), np.int32)
        for target, window in zip(targets, read, strict=True):
            token = self.tokenizer.number_of(window.next) if window.next else PADDING
            target[:] = token, others if token == UNKNOWN_ID else 0, window.text
        return {TOKENS: self.seen([window.context for window in read]), self.target.name: targets}

    def seen(self, texts: Sequence[Sequence[str]]) -> Array:
        """Return what a network sees of texts: the numbers of their last tokens, int32 ``[n, length]``.

        Args:
            texts: tokens of each.
        """
        length = self.tokenizer.length
        made = np.zeros((len(texts), length), np.int32)
        for row, tokens in zip(made, texts, strict=True):
            kept = tokens[-length:]
            row[length - len(kept) :] = [self.tokenizer.number_of(token) for token in kept]
        return made

    def tell(self, changes: Counter[str]) -> list[str]:
        """Say what was learned, and of how many texts the windows are."""
        told = [*self.notes, f"The samples are windows of {changes[OF_TEXT]:,} texts; those of one are in one split."]
        if changes[THINNED]:
            told.append(f"Of {changes[THINNED]:,} long texts some places are passed over.")
        return told


@dataclass(frozen=True)
class NextTokenReader:
    """Cuts texts into windows, and learns how to make tokens of them.

    Args:
        settings: ``data.text``.
    """

    settings: NextTokenSettings

    def unfold(self, rows: Rows) -> Iterator[RawSample | RefusedSample]:
        """Make a text of each row: of the columns of text, and of that of the split, if there is one.

        Args:
            rows: of a table.
        """
        count = len(self.settings.text)
        for number, cells in zip(rows.numbers, rows.rows, strict=True):
            name, split = f"{rows.file}:{number}", rows.split
            if self.settings.split:
                said = cells[count].strip()
                split = SPLIT_FOLDERS.get(said.lower())
                if split is None:
                    yield RefusedSample(name, f"the split {said[:50]!r}: {', '.join(SPLIT_FOLDERS)} are known")
                    continue
            yield RawSample(name, "", split, "\n".join(cells[:count]).encode("utf-8", "surrogatepass"))

    def cut(self, payload: Payload) -> Iterator[Draft]:
        """Yield the windows of a text; see :func:`.windows.windows`."""
        whole = read_text(payload)
        text = whole.content.decode("utf-8", "surrogatepass")
        yield from windows(text, whole.split_hash, whole.digest, self.settings)

    def read(self, payload: Payload) -> Draft:
        """Return the last window of a text."""
        return list(self.cut(payload))[-1]

    def study(self, contents: Iterator[bytes]) -> TokenCounts:
        """Count the tokens of training windows, each token of a text about once: those that are new in a window."""
        counts, settings = TokenCounts(), self.settings
        for content in contents:
            window = window_of(content, settings.tokens)
            counts.tokens.update(window.context[-settings.stride :])
            counts.pages.update(window.pages)
            counts.forget()
        return counts

    def learn(self, studied: Iterator[TokenCounts]) -> LearnedNextTokens:
        """Learn the tokens of the training texts.

        Raises:
            ValueError: none is often enough.
        """
        counts, settings = TokenCounts(), self.settings
        for part in studied:
            counts.merge(part)
        known = settings.model_copy(update={"length": settings.seen})
        tokenizer, notes = learn_tokenizer(counts, known, unicodedata.unidata_version)
        kept = tuple(name for name in DIFFERENCES if getattr(settings, name) == "keep")
        unknown = len(counts.tokens) - len(tokenizer.vocabulary) + counts.forgotten
        return LearnedNextTokens(replace(tokenizer, others=unknown, kept=kept), tuple(notes))


class NextTokenReading:
    """Texts are rows of tables, or text files."""

    layout = "a table with a column of texts (.csv, .tsv, .jsonl, .parquet), or text files (.txt)"

    def take_file(self, settings: NextTokenSettings) -> TakeFile:
        """A table is many texts, a text file one."""

        def take(file: SourceFile) -> Iterator[Item]:
            name = clean(file.path)
            if is_table(file.path):
                yield from take_table(file, settings.text, settings)
            elif not is_litter(name) and FILES.claims(name):
                if file.size > FILES.most_bytes:
                    reason = f"{file.size:,} bytes: expected {FILES.kind} of at most {FILES.most_bytes:,}"
                    yield RefusedSample(name, reason)
                else:
                    yield RawSample(name, "", declared_split(name), file.read())

        return take

    def is_meant(self, path: str) -> bool:
        """Return whether the file's ending is that of a table or a text; a row of one is meant."""
        return TextReading().is_meant(path)

    def reader(self, settings: NextTokenSettings, items: Iterator[Item]) -> tuple[NextTokenReader, Iterator[Item]]:
        """Nothing has to be looked at."""
        return NextTokenReader(settings), items

    def learned(self, assets: Mapping[str, bytes]) -> LearnedNextTokens:
        """Return the tokenizer of a release.

        Raises:
            DataError: there is none, a damaged one, or one of another outcome.
        """
        tokenizer = TextReading().learned(assets).tokenizer
        if tokenizer.others is None or tokenizer.kind not in ONE:
            raise DataError(
                "Expected a tokenizer of a model that tells the next token. Received: another one. Publish it again."
            )
        return LearnedNextTokens(tokenizer)

    def collected(self, file: SourceFile, settings: NextTokenSettings) -> Iterator[RawSample | RefusedSample]:
        """Yield the texts of a table, or the one of a text file."""
        reader = NextTokenReader(settings)
        for item in self.take_file(settings)(file):
            if isinstance(item, Rows):
                yield from reader.unfold(item)
            elif isinstance(item, RawSample | RefusedSample):
                yield item

    def draft(self, sample: RawSample, settings: NextTokenSettings) -> Draft:
        """Return the last window of a text."""
        return NextTokenReader(settings).read(sample.payload)

    def cut(self, sample: RawSample, settings: NextTokenSettings) -> Iterator[Draft]:
        """Yield all windows of a text."""
        return NextTokenReader(settings).cut(sample.payload)

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        """Return the numbers of the last tokens of a text, or of a text file's where it is a path.

        Raises:
            DataError: the release has no tokenizer that fits, or there is no text.
        """
        learned = self.learned(assets)
        if inputs != learned.inputs:
            raise DataError(
                f"Expected a tokenizer of {inputs[0].shape[0]} tokens and {inputs[0].high + 1:.0f} rows, as the model "
                f"takes. Received: {learned.tokenizer.length} tokens and {learned.tokenizer.rows} rows. Publish the "
                f"release again."
            )
        text = asked_text(question)
        tokens = tokens_of(text, learned.tokenizer.characters, learned.told)
        if not tokens:
            raise DataError(f"Expected a text with a word in it. Received: {text[:100]!r}. Give another one.")
        return {TOKENS: learned.seen([tokens])[0]}

    def completed(
        self,
        answer: Callable[[Mapping[str, Array]], Array],
        asked: Mapping[str, Array],
        assets: Mapping[str, bytes],
    ) -> tuple[Array, Sequence[str]]:
        """Go on with a text: add the likeliest token, ask again, up to 100 times or to the end of the text.

        An unknown token is never added.

        Args:
            answer: gives the logits ``[rows]`` of a question.
            asked: as :meth:`ask` gave it.
            assets: of the release.

        Returns:
            the probability of each token that was added, and the tokens as they stand in the text.
        """
        learned = self.learned(assets)
        seen, between = asked[TOKENS], joiner(learned.told)
        probabilities: list[float] = []
        added: list[str] = []
        while len(added) < MOST_NAMED:
            logits = np.asarray(answer({TOKENS: seen}), np.float64)
            shares = np.exp(logits - logits.max())
            shares /= shares.sum()
            shares[UNKNOWN_ID] = 0.0
            best = int(shares.argmax())
            if best == PADDING:
                break
            probabilities.append(float(shares[best]))
            added.append(between + learned.tokenizer.vocabulary[best - FIRST])
            seen = np.append(seen[1:], np.int32(best)).astype(np.int32)
        return np.array(probabilities, np.float32), added
