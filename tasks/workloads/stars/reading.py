"""Read ratings as samples of which the ratings themselves are predicted."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tasks.arrays import Array
from tasks.errors import DataError, SourceError
from tasks.samples import Specs, SplitName, TensorSpec
from tasks.workloads.grouping import Blocks, Collected, Shares
from tasks.workloads.items import Payload, RawSample, RefusedSample, SourceFile
from tasks.workloads.outcomes.numbers.targets import encode_targets, target_of
from tasks.workloads.protocol import Draft, UnusableError
from tasks.workloads.ratings.blocks import Columns, of_blocks
from tasks.workloads.ratings.histories import History, Rules, history_of, ordered, samples
from tasks.workloads.ratings.questions import read_question
from tasks.workloads.ratings.reading import LearnedRatings, RatingsReader, RatingsReading, Studied, as_history
from tasks.workloads.ratings.settings import HISTORY, MOST_ITEMS, USER
from tasks.workloads.stars.questions import question_of
from tasks.workloads.stars.settings import STARS, StarsSettings

RANGE_FILE = "ratings.json"
UNRATED = "unrated"  # rows without a rating
MOST = 1e6  # of a rating, either way


@dataclass(frozen=True)
class LearnedStars(LearnedRatings):
    """Histories whose items are known, and between what ratings are.

    ``low`` and ``high``: the least and the largest rating of the training.
    """

    low: float = 0.0
    high: float = 5.0

    @property
    def inputs(self) -> Specs:
        """The rows of a history's items, 0 before the oldest, their ratings, and the user's row where it counts."""
        history, *user = super().inputs
        low, high = min(0.0, self.low), max(0.0, self.high)
        stars = TensorSpec(name=STARS, dtype="float32", shape=history.shape, low=low, high=high)
        return (history, stars, *user)

    @property
    def target(self) -> TensorSpec:
        """The items whose ratings are known, and these; see :mod:`tasks.workloads.outcomes.numbers.targets`."""
        return target_of(len(self.known.items), self.room)

    @property
    def assets(self) -> Mapping[str, bytes]:
        """The ids, and the range of ratings."""
        content = json.dumps({"low": self.low, "high": self.high}, separators=(",", ":"))
        return {**super().assets, RANGE_FILE: content.encode()}

    def encode(self, contents: Sequence[bytes]) -> Mapping[str, Array]:
        """Return histories, their ratings, users where they count, and targets.

        Args:
            contents: n samples, as :func:`~tasks.workloads.ratings.histories.samples` gives them.
        """
        read = list(map(history_of, contents))
        rows = self.known.item_rows
        pasts = [self._rated(each) for each in read]
        encoded = self.as_inputs(pasts)
        if self.known.users:
            encoded[USER] = np.array([[self.known.user_rows.get(each.user, 0)] for each in read], np.int32)
        wanted = [
            [
                (rows.get(item, 0), rating)
                for item, rating in zip(each.wanted, each.ratings[-len(each.wanted) :], strict=True)
            ]
            for each in read
        ]
        return {**encoded, self.target.name: encode_targets(wanted, self.target)}

    def as_inputs(self, pasts: Sequence[Sequence[tuple[int, float]]]) -> dict[str, Array]:
        """Return the newest items of histories, and how they were rated.

        Args:
            pasts: rows of items from old to new, with their ratings.
        """
        length = self.known.length
        stars = np.zeros((len(pasts), length), np.float32)
        for row, past in zip(stars, pasts, strict=True):
            kept = [rating for _, rating in past[-length:]]
            row[length - len(kept) :] = kept
        return {HISTORY: as_history([[item for item, _ in past] for past in pasts], length), STARS: stars}

    def _rated(self, each: History) -> list[tuple[int, float]]:
        """Return the items of a past that are known, and their ratings within the range of the training."""
        rows = self.known.item_rows
        pairs = zip(each.history, each.ratings, strict=False)
        return [(rows[item], min(max(rating, self.low), self.high)) for item, rating in pairs if item in rows]

    def tell(self, changes: Counter[str]) -> list[str]:
        """Say what was learned, and what was left out."""
        told = super().tell(changes)
        if changes[UNRATED]:
            told.append(f"{changes[UNRATED]:,} rows have no rating, or one beyond ±{MOST:,.0f}, and do not count.")
        return told


@dataclass
class StudiedStars(Studied):
    """Counts of training samples, and the least and the largest rating."""

    low: float = math.inf
    high: float = -math.inf


@dataclass(frozen=True)
class StarsReader(RatingsReader):
    """Reads ratings, makes histories of them, and learns which items there are and how they are rated.

    Args:
        settings: ``data.stars``.
        rules: by which histories are made, once all rows are known.
    """

    def settle(self, groups: Sequence[Blocks], shares: Shares, declared: frozenset[SplitName]) -> "StarsReader":
        """Find rare items, and the times from which on rows are held out."""
        settled = super().settle(groups, shares, declared)
        assert settled.rules is not None
        return StarsReader(self.settings, replace(settled.rules, rated=True))

    def collect(self, blocks: Iterator[bytes], changes: Counter[str]) -> Iterator[Collected]:
        """Make the samples of the users of a group; rows without a rating do not count."""
        assert self.rules is not None
        columns = of_blocks(blocks)
        rated = np.abs(columns.ratings) <= MOST  # not where there is none
        changes[UNRATED] += int((~rated).sum())
        if not rated.all():
            columns = _chosen(columns, np.flatnonzero(rated).tolist())
        yield from samples(ordered(columns, self.rules, changes), self.rules, changes)

    def read(self, payload: Payload) -> Draft:
        """Read a history as a device has collected it: JSON, see :func:`question_of`."""
        question = question_of(bytes(payload).decode())
        text = json.dumps(question._asdict(), separators=(",", ":"))
        return Draft(0, bytes(16), text.encode())

    def study(self, contents: Iterator[bytes]) -> StudiedStars:
        """Count items and users of training samples, and note the range of ratings."""
        kept = list(contents)
        counted = super().study(iter(kept))
        ratings = [rating for content in kept for rating in history_of(content).ratings]
        low, high = min(ratings, default=math.inf), max(ratings, default=-math.inf)
        return StudiedStars(counted.items, counted.users, counted.lengths, low, high)

    def learn(self, studied: Iterator[Studied]) -> LearnedStars:
        """Learn which items there are, how long histories are, and between what ratings are.

        Raises:
            ValueError: there are fewer than two items, or all are rated alike.
        """
        parts = [part for part in studied if isinstance(part, StudiedStars)]
        made = super().learn(iter(parts))
        ends = min(part.low for part in parts), max(part.high for part in parts)
        low, high = (float(np.float32(end)) for end in ends)  # as samples have them
        if not low < high:
            raise ValueError(f"ratings that are all {low:g}")
        notes = (*made.notes, f"Ratings are between {low:g} and {high:g}.")
        return LearnedStars(made.known, made.room, notes, low, high)


def _range(low: float, high: float) -> tuple[float, float]:
    if not -MOST <= low < high <= MOST:
        raise ValueError(f"a range from {low:g} to {high:g}")
    return low, high


def _chosen(columns: Columns, places: Sequence[int]) -> Columns:
    return Columns(
        [columns.users[place] for place in places],
        [columns.items[place] for place in places],
        columns.ratings[places],
        columns.times[places],
        columns.splits[places],
    )


class StarsReading(RatingsReading):
    """Ratings are rows of tables, each with a number."""

    layout = (
        "a table with columns of users, items and ratings (.csv, .tsv, .jsonl, .parquet, .inter, u.data, ratings.dat)"
    )

    def take_file(self, settings: StarsSettings) -> Any:  # type: ignore[override]
        """A table is many rows."""
        if settings.rating is None:
            raise SourceError(
                "Expected ratings to predict. Received: data.stars.rating: null. Name the column, or take "
                "data.workload: ratings, which ranks."
            )
        return super().take_file(settings)  # type: ignore[arg-type]

    def reader(self, settings: StarsSettings, items: Iterator[Any]) -> tuple[StarsReader, Iterator[Any]]:  # type: ignore[override]
        """Nothing has to be looked at."""
        return StarsReader(settings), items  # type: ignore[arg-type]

    def learned(self, assets: Mapping[str, bytes]) -> LearnedStars:
        """Return the reader of a release, by the ids that it knows and the range of its ratings.

        Raises:
            DataError: there are none, or a file is damaged.
        """
        known = super().learned(assets).known
        try:
            found = json.loads(assets.get(RANGE_FILE, b""))
            low, high = _range(float(found["low"]), float(found["high"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DataError(
                f"Expected a release with {RANGE_FILE}. Received: {str(error)[:100]}. Publish it again."
            ) from None
        return LearnedStars(known, MOST_ITEMS, (), low, high)

    def reader_of_whole(self, settings: StarsSettings) -> StarsReader:  # type: ignore[override]
        """Return the reader that makes whole histories of a table, ratings included.

        Args:
            settings: of the samples.
        """
        return StarsReader(settings, Rules("users", rated=True))  # type: ignore[arg-type]

    def collected(self, file: SourceFile, settings: StarsSettings) -> Iterator[RawSample | RefusedSample]:  # type: ignore[override]
        """Yield the histories of a table, whole."""
        return super().collected(file, settings)  # type: ignore[arg-type]

    def draft(self, sample: RawSample, settings: StarsSettings) -> Draft:  # type: ignore[override]
        """Read a history; see :meth:`StarsReader.read`."""
        return StarsReader(settings).read(sample.payload)  # type: ignore[arg-type]

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        """Return a rated history: ``31:4.5,1029:3``, or JSON as ``{"history": [[31, 4.5]], "user": "5"}``.

        Items and users that the release does not know are left out; ratings beyond its range count as its ends.

        Raises:
            DataError: the release has no ids that fit, or there is no history.
        """
        learned = self.learned(assets)
        if [(spec.name, spec.shape, spec.high) for spec in inputs] != [
            (spec.name, spec.shape, spec.high) for spec in learned.inputs
        ]:
            raise DataError("Expected ids of the items that the model takes. Received: others. Publish it again.")
        try:
            asked = question_of(read_question(question) if isinstance(question, Path) else question)
        except (OSError, UnicodeDecodeError, UnusableError) as error:
            raise DataError(
                f"Expected items with their ratings, as 31:4.5,1029:3. Received: {str(question)[:100]!r} ({error}). "
                f"Give others."
            ) from None
        if not asked.history and not asked.user:
            raise DataError(f"Expected an item with its rating, as 31:4.5. Received: {str(question)[:100]!r}.")
        each = History(asked.user, asked.history, (), False, asked.ratings)
        taken = {name: array[0] for name, array in learned.as_inputs([learned._rated(each)]).items()}
        if learned.known.users:
            taken[USER] = np.array([learned.known.user_rows.get(asked.user, 0)], np.int32)
        return taken

    def answered(
        self,
        output: Array,
        asked: Mapping[str, Array],
        assets: Mapping[str, bytes],
    ) -> tuple[Array, Sequence[str]]:
        """Return the ratings that are predicted of items, and their ids; those of the history are not named again.

        Args:
            output: of the model, ``[1 + items]``.
            asked: as :meth:`ask` gave it.
            assets: of the release.
        """
        known = self.learned(assets).known
        found = output[1:].astype(np.float64)
        found[asked[HISTORY][asked[HISTORY] > 0] - 1] = -np.inf
        return found, known.items
