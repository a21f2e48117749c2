"""Read ratings as samples: rows of who did what become histories, and these become rows of tables of items."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.errors import DataError
from tasks.paths import clean, is_litter
from tasks.samples import Specs, SplitName, TensorSpec
from tasks.workloads.grouping import Blocks, Collected, Scattered, Shares
from tasks.workloads.items import Item, Payload, RawSample, RefusedSample, Rows, SourceFile, TakeFile
from tasks.workloads.outcomes.ranking.targets import encode_targets, target_of
from tasks.workloads.protocol import Draft, UnusableError
from tasks.workloads.ratings.blocks import of_blocks
from tasks.workloads.ratings.columns import MOVIELENS, choose, has_names
from tasks.workloads.ratings.histories import AGAIN, FEW, NEW, Rules, history_of, ordered, samples
from tasks.workloads.ratings.items import FILE, Known
from tasks.workloads.ratings.questions import question_of, read_question
from tasks.workloads.ratings.scattering import BELOW, scatter
from tasks.workloads.ratings.settings import HISTORY, MOST_ITEMS, USER, RatingsSettings
from tasks.workloads.ratings.settling import settled
from tasks.workloads.tables.files import KINDS, take_chosen
from tasks.workloads.tables.streams import kind_of

OF_RATINGS = KINDS | {"inter", "data", "dat"}
ROW = re.compile(r":\d+$")
SHARE_SEEN = 0.99  # of the histories, which are seen whole
MOST_SEEN = 1024  # items of a history, where that is left to the data
ROOM = 64  # items that are held out of a user, beside those of the longest history


@dataclass(frozen=True)
class LearnedRatings:
    """Histories whose items are known.

    ``room``: items of a target.
    """

    known: Known
    room: int
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> Specs:
        """The rows of a history's items, 0 before the oldest; and the row of the user, where users count."""
        known = self.known
        history = TensorSpec(name=HISTORY, dtype="int32", shape=(known.length,), low=0, high=len(known.items))
        user = TensorSpec(name=USER, dtype="int32", shape=(1,), low=0, high=len(known.users))
        return (history, user) if known.users else (history,)

    @property
    def target(self) -> TensorSpec:
        """The items to be found and those of the past; see :mod:`tasks.workloads.outcomes.ranking.targets`."""
        return target_of(len(self.known.items), self.room)

    @property
    def assets(self) -> Mapping[str, bytes]:
        """One: the ids."""
        return {FILE: self.known.to_bytes()}

    def encode(self, contents: Sequence[bytes]) -> Mapping[str, Array]:
        """Return the rows of histories, of users where they count, and targets.

        Args:
            contents: n samples, as :func:`~tasks.workloads.ratings.histories.samples` gives them.
        """
        read = list(map(history_of, contents))
        row_of = self.known.item_rows.get
        coded = [[row_of(item, 0) for item in each.history] for each in read]
        pasts = [[row for row in rows if row] for rows in coded]
        encoded = {HISTORY: as_history(pasts, self.known.length)}
        if self.known.users:
            encoded[USER] = np.array([[self.known.user_rows.get(each.user, 0)] for each in read], np.int32)
        wanted = [
            rows if each.is_training else [row_of(item, 0) for item in each.wanted]
            for each, rows in zip(read, coded, strict=True)
        ]
        seen = [[] if each.is_training else past for each, past in zip(read, pasts, strict=True)]
        return {**encoded, self.target.name: encode_targets(wanted, seen, self.target)}

    def tell(self, changes: Counter[str]) -> list[str]:
        """Say what was learned, and what was left out."""
        told = {
            BELOW: "rows have a rating below data.ratings.liked and do not count.",
            AGAIN: "rows are of an item that the user has another row of; the last one counts.",
            FEW: "rows are of users or items with fewer rows than data.ratings.min_user and min_item ask for.",
            NEW: "users have nothing but what is held out; nothing can be found for them.",
        }
        return [*self.notes, *(f"{changes[key]:,} {said}" for key, said in told.items() if changes[key])]


def as_history(pasts: Sequence[Sequence[int]], length: int) -> Array:
    """Return the newest items of histories, int32 ``[n, length]``, 0 before the first.

    Args:
        pasts: rows of items from old to new.
        length: items that are kept.
    """
    made = np.zeros((len(pasts), length), np.int32)
    for row, past in zip(made, pasts, strict=True):
        kept = past[-length:]
        row[length - len(kept) :] = kept
    return made


@dataclass
class Studied:
    """Counts of training samples: how often each item and user is there, and how long histories are."""

    items: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class RatingsReader:
    """Reads rows of who did what, makes histories of them, and learns which items there are.

    Args:
        settings: ``data.ratings``.
        rules: by which histories are made, once all rows are known.
    """

    settings: RatingsSettings
    rules: Rules | None = None

    def scatter(self, rows: Sequence[Rows]) -> Scattered:
        """Check rows, and take them apart by their users."""
        return scatter(rows, self.settings)

    def settle(self, groups: Sequence[Blocks], shares: Shares, declared: frozenset[SplitName]) -> "RatingsReader":
        """Find rare items, and the times from which on rows are held out."""
        return replace(self, rules=settled(self.settings, groups, shares, declared))

    def collect(self, blocks: Iterator[bytes], changes: Counter[str]) -> Iterator[Collected]:
        """Make the samples of the users of a group."""
        assert self.rules is not None
        coded = ordered(of_blocks(blocks), self.rules, changes)
        yield from samples(coded, self.rules, changes)

    def read(self, payload: Payload) -> Draft:
        """Read a history as a device has collected it: JSON, see :meth:`RatingsReading.ask`."""
        question = question_of(bytes(payload).decode())
        text = json.dumps({"user": question.user, "history": question.history}, separators=(",", ":"))
        return Draft(0, bytes(16), text.encode())

    def study(self, contents: Iterator[bytes]) -> Studied:
        """Count items and users of training samples."""
        studied = Studied()
        for content in contents:
            user, history, *_ = history_of(content)
            studied.items.update(history)
            studied.lengths[len(history)] += 1
            if self.settings.user_table:
                studied.users[user] += len(history)
        return studied

    def learn(self, studied: Iterator[Studied]) -> LearnedRatings:
        """Learn which items there are, and how long histories are.

        Raises:
            ValueError: there are fewer than two.
        """
        total = Studied()
        for part in studied:
            total.items.update(part.items)
            total.users.update(part.users)
            total.lengths.update(part.lengths)
        if len(total.items) < 2:
            raise ValueError(f"{len(total.items)} items")
        longest = max(total.lengths)
        length = self.settings.length if isinstance(self.settings.length, int) else _usual(total.lengths)
        known = Known(_by_frequency(total.items), _by_frequency(total.users), min(length, longest))
        longer = sum(count for size, count in total.lengths.items() if size > known.length)
        notes = [
            f"{len(known.items):,} items are known; of a history the newest {known.length:,} count, "
            f"and {longer:,} training histories are longer."
        ]
        return LearnedRatings(known, min(longest + ROOM, MOST_ITEMS), tuple(notes))


def _by_frequency(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda name: (-counts[name], len(name), name)))


def _usual(lengths: Counter[int]) -> int:
    """Return the length that so many of the histories do not exceed."""
    left = SHARE_SEEN * lengths.total()
    for length in sorted(lengths):
        left -= lengths[length]
        if left <= 0:
            return min(length, MOST_SEEN)
    return min(max(lengths), MOST_SEEN)


class RatingsReading:
    """Ratings are rows of tables."""

    layout = "a table with columns of users and items (.csv, .tsv, .jsonl, .parquet, .inter, u.data, ratings.dat)"

    def take_file(self, settings: RatingsSettings) -> TakeFile:
        """A table is many rows."""

        def take(file: SourceFile) -> Iterator[Item]:
            name = clean(file.path)
            if is_litter(name):
                return
            if not self.is_meant(name):
                yield RefusedSample(name, "no table of ratings")
                return
            known = settings
            if not has_names(name) and not settings.columns:
                known = settings.model_copy(update={"columns": MOVIELENS})
            cells = 5 if settings.split else 4
            yield from take_chosen(file, partial(_chosen, settings=known, path=name), cells, known)

        return take

    def is_meant(self, path: str) -> bool:
        """Return whether the file's ending is that of a table; a row of one is meant."""
        return kind_of(ROW.sub("", path))[0] in OF_RATINGS

    def reader(self, settings: RatingsSettings, items: Iterator[Item]) -> tuple[RatingsReader, Iterator[Item]]:
        """Nothing has to be looked at."""
        return RatingsReader(settings), items

    def learned(self, assets: Mapping[str, bytes]) -> LearnedRatings:
        """Return the reader of a release, by the ids that it knows.

        Raises:
            DataError: there are none, or the file is damaged.
        """
        try:
            known = _known(assets.get(FILE, b""))
        except ValueError as error:
            raise DataError(f"Expected a release with {FILE}. Received: {error}. Publish it again.") from None
        return LearnedRatings(known, MOST_ITEMS)

    def reader_of_whole(self, settings: RatingsSettings) -> RatingsReader:
        """Return the reader that makes whole histories of a table.

        Args:
            settings: of the samples.
        """
        return RatingsReader(settings, Rules("users"))

    def collected(self, file: SourceFile, settings: RatingsSettings) -> Iterator[RawSample | RefusedSample]:
        """Yield the histories of a table, whole."""
        reader, blocks = self.reader_of_whole(settings), list[bytes]()
        for item in self.take_file(settings)(file):
            if isinstance(item, RefusedSample):
                yield item
            elif isinstance(item, Rows):
                scattered = reader.scatter([item])
                yield from scattered.refused
                blocks += scattered.parts.values()
        for name, _, draft in reader.collect(iter(blocks), Counter()):
            yield RawSample(name, "", None, draft.content)

    def draft(self, sample: RawSample, settings: RatingsSettings) -> Draft:
        """Read a history; see :meth:`RatingsReader.read`."""
        return RatingsReader(settings).read(sample.payload)

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        """Return the rows of a history: ids with commas between them, or JSON as ``{"history": [31], "user": "5"}``.

        Items and users that the release does not know are left out.

        Raises:
            DataError: the release has no ids that fit, or there is no history.
        """
        known = self.learned(assets).known
        fits = {HISTORY: (known.length, len(known.items)), USER: (1, len(known.users))}
        if any(fits.get(spec.name) != (spec.shape[0], spec.high) for spec in inputs):
            raise DataError(
                f"Expected ids of {', '.join(f'{spec.high:.0f} rows of {spec.name}' for spec in inputs)}, as the model "
                f"takes. Received: {len(known.items)} items and {len(known.users)} users. Publish the release again."
            )
        try:
            asked = question_of(read_question(question) if isinstance(question, Path) else question)
        except (OSError, UnicodeDecodeError, UnusableError) as error:
            raise DataError(
                f"Expected the ids of items, as 31,1029,7. Received: {str(question)[:100]!r} ({error}). Give others."
            ) from None
        if not asked.history and not asked.user:
            raise DataError(f"Expected the id of an item. Received: {str(question)[:100]!r}. Give some, as 31,1029,7.")
        rows = [known.item_rows[name] for name in asked.history if name in known.item_rows]
        taken = {HISTORY: as_history([rows], known.length)[0]}
        if known.users:
            taken[USER] = np.array([known.user_rows.get(asked.user, 0)], np.int32)
        return taken

    def answered(
        self, output: Array, asked: Mapping[str, Array], assets: Mapping[str, bytes]
    ) -> tuple[Array, Sequence[str]]:
        """Return the scores of items that may be named, and their ids.

        An item of the history is not named again. Where nothing of the question is known, items are named by how often
        they were in the training.

        Args:
            output: of the model, ``[items]``.
            asked: as :meth:`ask` gave it.
            assets: of the release.
        """
        known = self.learned(assets).known
        scores = output.astype(np.float64)
        if not any(array.any() for array in asked.values()):
            scores = -np.arange(len(known.items), dtype=np.float64)
        scores[asked[HISTORY][asked[HISTORY] > 0] - 1] = -np.inf
        return scores, known.items


@lru_cache(maxsize=2)
def _known(content: bytes) -> Known:
    return Known.of_bytes(content)


def _chosen(columns: Sequence[str], settings: RatingsSettings, path: str) -> Sequence[str | None]:
    found = choose(columns, settings, path)
    if settings.split is None:
        return found
    return (*found, settings.split if settings.split in columns else None)
