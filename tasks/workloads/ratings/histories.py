"""Interactions of some users as their histories, and what of each is held out."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tasks.samples import SPLITS, SplitName
from tasks.workloads.grouping import Collected
from tasks.workloads.protocol import Draft
from tasks.workloads.ratings.blocks import NO_SPLIT, Columns
from tasks.workloads.ratings.settings import HoldOut

KEY = b"slimline: place of a user among the splits"  # of the keyed hash; another one would deal all users anew
TRAIN, VALIDATION, TEST = range(len(SPLITS))
AGAIN, FEW, NEW = "again", "few", "new"  # rows of an item that the user has, of rare users or items; users with no past
FEWEST = 3  # items of a user of whom some are held out


class Coded(NamedTuple):
    """Interactions with the users and items as numbers, ``[n]`` each, in the order of users and then of time."""

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    time: NDArray[np.float64]
    split: NDArray[np.uint8]
    rating: NDArray[np.float64]
    users: Sequence[str]  # by their numbers
    items: Sequence[str]


@dataclass(frozen=True)
class Rules:
    """The rules by which histories are made.

    ``hold_out``: see the settings. ``fewest``: items that a user must have. ``rare``: items that are too rare.
    ``cuts``: times from which interactions are for validation and for the test. ``shares``: fractions of users.
    ``declared``: splits that rows name; where they name any, nothing else decides but about those that they lack.
    ``rated``: samples say how good items were, too.
    """

    hold_out: HoldOut
    fewest: int = 1
    rare: frozenset[str] = frozenset()
    cuts: tuple[float, float] = (np.inf, np.inf)
    shares: tuple[float, float] = (0.0, 0.0)
    declared: frozenset[SplitName] = frozenset()
    rated: bool = False


def ordered(columns: Columns, rules: Rules, changes: Counter[str]) -> Coded:
    """Bring interactions into the order of users and of time, each user's items once, the last time.

    Equal times are in the order of a hash, which depends on the ids alone and not on how rows are packed.

    Args:
        columns: of the interactions.
        rules: what is too rare.
        changes: is told what was left out.

    Returns:
        the interactions that count.
    """
    users, user = _numbered(columns.users)
    items, item = _numbered(columns.items)
    order = np.lexsort((columns.splits, item, _mixed(users, items, user, item), columns.times, user))
    user, item = user[order], item[order]
    pairs = user * len(items) + item
    _, last = np.unique(pairs[::-1], return_index=True)
    kept = np.sort(len(pairs) - 1 - last)
    changes[AGAIN] += len(pairs) - len(kept)
    if rules.rare:
        usable = ~np.isin(item[kept], [place for place, name in enumerate(items) if name in rules.rare])
        changes[FEW] += int((~usable).sum())
        kept = kept[usable]
    times, splits, ratings = (each[order][kept] for each in (columns.times, columns.splits, columns.ratings))
    return Coded(user[kept], item[kept], times, splits, ratings, users, items)


def _numbered(names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return names once each, by the alphabet, and the number of each."""
    known = sorted(set(names))
    numbers = {name: number for number, name in enumerate(known)}
    return known, np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))


def _mixed(
    users: Sequence[str], items: Sequence[str], user: NDArray[np.int64], item: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return a hash of each pair of user and item; two may share one."""
    of_users, of_items = (np.array([crc32(name.encode()) for name in names], np.uint64) for names in (users, items))
    if not len(user):
        return np.zeros(0, np.uint64)
    mixed = (of_users[user] ^ (of_items[item] * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=KEY).digest(), "little")


def samples(coded: Coded, rules: Rules, changes: Counter[str]) -> Iterator[Collected]:
    """Make the samples of each user: for the training all that is not held out, else what is held out and the past.

    Args:
        coded: interactions of some users, all that these have.
        rules: what is held out.
        changes: is told of users without a past.

    Returns:
        at most three samples of each user, one for each split.
    """
    bounds = np.flatnonzero(np.diff(coded.user, prepend=-1))
    for start, end in pairwise([*bounds.tolist(), len(coded.user)]):
        name = coded.users[coded.user[start]]
        if end - start < rules.fewest:
            changes[FEW] += end - start
            continue
        items = [coded.items[place] for place in coded.item[start:end].tolist()]
        ratings = coded.rating[start:end].tolist() if rules.rated else ()
        yield from _of_user(name, items, ratings, _splits(name, coded, slice(start, end), rules), changes)


def _splits(name: str, coded: Coded, places: slice, rules: Rules) -> NDArray[np.uint8]:
    """Return for which split each of a user's interactions is; 255 where a user is not for the training."""
    said, count = coded.split[places], places.stop - places.start
    splits = np.zeros(count, np.uint8)
    if rules.declared:
        return _declared(np.where(said == NO_SPLIT, TRAIN, said).astype(np.uint8), rules.declared)
    if rules.hold_out == "time":
        splits[coded.time[places] >= rules.cuts[0]] = VALIDATION
        splits[coded.time[places] >= rules.cuts[1]] = TEST
    elif rules.hold_out == "users":
        place = _hash(name) / 2**64
        if place < sum(rules.shares) and count > 1:
            splits[:] = NO_SPLIT
            splits[-1] = TEST if place < rules.shares[1] else VALIDATION
    elif count >= FEWEST:
        splits[-2], splits[-1] = VALIDATION, TEST
    return splits


def _declared(splits: NDArray[np.uint8], declared: frozenset[SplitName]) -> NDArray[np.uint8]:
    """Hold the last item of the training out for a split that no row of the source names."""
    for split in (TEST, VALIDATION):
        rest = np.flatnonzero(splits == TRAIN)
        if SPLITS[split] not in declared and len(rest) > 1:
            splits[rest[-1]] = split
    return splits


def _of_user(
    name: str, items: Sequence[str], ratings: Sequence[float], splits: NDArray[np.uint8], changes: Counter[str]
) -> Iterator[Collected]:
    places = {split: np.flatnonzero(splits == split).tolist() for split in (TRAIN, VALIDATION, TEST, NO_SPLIT)}
    past = sorted([*places[TRAIN], *places[NO_SPLIT]])
    if places[TRAIN]:
        yield _collected(name, "train", past, None, items, ratings)
    for split in (VALIDATION, TEST):
        wanted = places[split]
        if wanted and past:
            yield _collected(name, SPLITS[split], past, wanted, items, ratings)
        elif wanted:
            changes[NEW] += 1
        past = [*past, *wanted]


def _collected(
    user: str,
    split: SplitName,
    past: Sequence[int],
    wanted: Sequence[int] | None,
    items: Sequence[str],
    ratings: Sequence[float],
) -> Collected:
    content: dict[str, object] = {"user": user, "history": [items[place] for place in past]}
    if wanted is not None:
        content["wanted"] = [items[place] for place in wanted]
    if ratings:
        content["ratings"] = [ratings[place] for place in [*past, *(wanted or ())]]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    split_hash = _hash("\n".join((user, *(items[place] for place in wanted or ()))))
    return Collected(f"{user} ({split})", split, Draft(split_hash, blake2b(text, digest_size=16).digest(), text))


class History(NamedTuple):
    """A sample as it waits: the user, the items of the past from old to new, and those to be found.

    In the training those to be found are those of the past. ``ratings``: of the past and then of what is to be found.
    """

    user: str
    history: Sequence[str]
    wanted: Sequence[str]
    is_training: bool
    ratings: Sequence[float] = ()


def history_of(content: bytes) -> History:
    """Return a sample of :func:`samples`.

    Args:
        content: of the draft.
    """
    found: Mapping[str, object] = json.loads(content.decode())
    history: Sequence[str] = found["history"]  # type: ignore[assignment]
    wanted: Sequence[str] = found.get("wanted", history)  # type: ignore[assignment]
    ratings: Sequence[float] = found.get("ratings", ())  # type: ignore[assignment]
    return History(str(found["user"]), history, wanted, "wanted" not in found, ratings)
