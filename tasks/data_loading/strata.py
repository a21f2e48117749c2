"""Give every split its share of rare classes, where hashes alone might give it none.

Hashes are fair in the long run: of a class with thousands of samples each split gets its fraction, of one with twenty a
split of a tenth gets none in one case of eight. So a class is *rare* as long as fewer than :data:`MANY` of its samples
are expected in a split. Its samples stay in the order of their hashes, and the cuts between the splits move as little
as they must: each split gets at least one sample, and its share to within one sample up to :data:`EXACT` expected ones.
Above that the hashes may err by what is expected beyond :data:`EXACT`, so that hardly anything moves when a class stops
to be rare.

Equal samples have one hash, and count as one. The same samples have the same splits, in whatever order they come. A
sample that is added moves few others of its class, and none of another one.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.config import Split
from tasks.data_loading.splitting import HASHES, assign
from tasks.samples import SPLITS, SplitName

EXACT, MANY = 5, 20  # samples of a class that are expected in a split
MOST = 4096  # hashes of a class that are kept; a class of more is never rare


@dataclass
class Strata:
    """The hashes of the samples of classes that are rare so far.

    ``split``: the fractions wanted. ``hashes``: different ones of a class, by the hash of its label. ``frequent``:
    classes that are not rare.
    """

    split: Split
    hashes: dict[int, set[int]] = field(default_factory=dict)
    frequent: set[int] = field(default_factory=set)

    def add(self, label: int, hashes: Iterable[int]) -> None:
        """Take in samples of a class of which no split is declared but train.

        Args:
            label: the hash of their label.
            hashes: that decide their splits.
        """
        if label in self.frequent:
            return
        found = self.hashes.setdefault(label, set())
        found.update(hashes)
        if len(found) > MOST or len(found) * min(self.split.test, self.split.validation) >= MANY:
            del self.hashes[label]
            self.frequent.add(label)

    def moved(self, known: Collection[SplitName]) -> dict[int, SplitName]:
        """Return the samples whose split is another one than their hash says, by their hashes.

        Equal samples of several classes go where the rarest class wants them.

        Args:
            known: all splits that the source declares for any sample.
        """
        placed: dict[int, SplitName] = {}
        for _, _, hashes in sorted((len(hashes), label, hashes) for label, hashes in self.hashes.items()):
            placed = stratify(hashes, known, self.split) | placed
        return {each: name for each, name in placed.items() if name != assign(each, None, known, self.split)}


def stratify(hashes: Collection[int], known: Collection[SplitName], split: Split) -> dict[int, SplitName]:
    """Return the splits of all samples of a rare class, by their hashes.

    Args:
        hashes: of the samples, each once.
        known: all splits that the source declares for any sample.
        split: the fractions wanted.
    """
    wanted: dict[SplitName, float] = {"test": split.test, "validation": split.validation}
    drawn = {name: fraction for name, fraction in wanted.items() if name not in known}
    first = 0 if "test" in drawn else int(split.test * HASHES)  # where the first split that is drawn begins
    ordered = sorted(hashes, key=lambda each: (each - first) % HASHES)
    by_hash = [assign(each, None, known, split) for each in ordered]
    names: list[SplitName] = []
    for name, fraction in drawn.items():
        later = len(drawn) - len({*names}) - 1 if len(ordered) > 2 else 0
        room = len(ordered) - len(names) - 1 - later  # one is left for training, and one for each split to come
        names += [name] * max(0, min(_share(by_hash.count(name), len(ordered) * fraction), room))
    names += ["train"] * (len(ordered) - len(names))
    return dict(zip(ordered, names, strict=True))


def _share(by_hash: int, expected: float) -> int:
    """Return how many samples a split gets, as close as may be to the number that the hashes give it."""
    expected = round(expected, 9)  # 30 · 0.1 is 3.0000000000000004
    least, most = math.floor(expected), math.ceil(expected)
    slack = max(0, least - EXACT)
    return min(max(by_hash, least - slack, 1), most + slack)


@dataclass(frozen=True)
class Splitter:
    """Tells the split of every sample.

    ``known``: all splits that the source declares for any sample. ``split``: the fractions wanted. ``moved``: samples
    of rare classes that are elsewhere than their hash says, by their hashes.
    """

    known: frozenset[SplitName]
    split: Split
    moved: Mapping[int, SplitName] = field(default_factory=dict)

    def split_of(self, split_hash: int, declared: SplitName | None) -> SplitName:
        """Return the split of a sample.

        Args:
            split_hash: of the sample, 64 bits.
            declared: the split that the source declares for this sample.
        """
        if self.moved and declared in (None, "train") and (moved := self.moved.get(split_hash)):
            return moved
        return assign(split_hash, declared, self.known, self.split)

    def splits_of(self, split_hashes: NDArray[np.uint64], declared: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the splits of samples as their places in SPLITS, ``[n]``; as :meth:`split_of` does one by one.

        Args:
            split_hashes: of the samples, ``[n]``.
            declared: by the source, 0 for none and otherwise 1 more than the place in SPLITS, ``[n]``.
        """
        fractions = split_hashes.astype(np.float64) / HASHES
        drawn = np.zeros(len(fractions), np.uint8)
        if "validation" not in self.known:
            drawn[fractions < self.split.test + self.split.validation] = SPLITS.index("validation")
        drawn[fractions < self.split.test] = 0 if "test" in self.known else SPLITS.index("test")
        if self.moved:
            for place in np.flatnonzero(np.isin(split_hashes, self._moved)).tolist():
                drawn[place] = SPLITS.index(self.moved[int(split_hashes[place])])
        return np.where(declared > 1, declared - 1, drawn).astype(np.uint8)

    @cached_property
    def _moved(self) -> NDArray[np.uint64]:
        return np.fromiter(self.moved, np.uint64, len(self.moved))
