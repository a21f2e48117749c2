"""Readers of rows, several of which make one sample together: those of one user.

Rows are scattered into groups on disk by a hash of what they share, and each group is then collected by itself, so that
memory does not grow with the data.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from tasks.samples import SplitName, TensorSpec
from tasks.workloads.items import RefusedSample, Rows
from tasks.workloads.protocol import Draft

GROUPS = 256
Blocks = Callable[[], Iterator[bytes]]  # all that was scattered into one group, anew with each call


@dataclass(frozen=True)
class Scattered:
    """Rows by their groups.

    ``parts``: bytes by the number of the group, from 0 to 255. ``rows``: how many can be used. ``declared``: splits
    that rows name.
    """

    parts: Mapping[int, bytes]
    rows: int
    declared: frozenset[SplitName] = frozenset()
    refused: Sequence[RefusedSample] = ()
    changes: Counter[str] = field(default_factory=Counter)


class Shares(NamedTuple):
    """The fractions that are wanted for choosing and for deciding."""

    validation: float
    test: float


class Collected(NamedTuple):
    """A sample made of several rows: what it is called, the split that it is for, and the draft of it."""

    name: str
    split: SplitName
    draft: Draft


@runtime_checkable
class GroupingReader(Protocol):
    """A :class:`~tasks.workloads.protocol.LearningReader` of rows. It decides which split a sample is for."""

    def scatter(self, rows: Sequence[Rows]) -> Scattered:
        """Take rows apart by what makes them one sample.

        Args:
            rows: of tables.

        Returns:
            bytes for each group, and the rows that cannot be used.
        """

    def settle(self, groups: Sequence[Blocks], shares: Shares, declared: frozenset[SplitName]) -> "GroupingReader":
        """Find out what must be known of all rows before any sample is made, as which rows are too few to be used.

        Args:
            groups: all of them.
            shares: the fractions wanted.
            declared: splits that rows name.

        Returns:
            the reader that collects.
        """

    def collect(self, blocks: Iterator[bytes], changes: Counter[str]) -> Iterator[Collected]:
        """Make the samples of a group.

        Args:
            blocks: of the group.
            changes: is told what was left out or changed, and how often.

        Returns:
            samples, in an order that hangs on nothing but the rows of the group.
        """


@runtime_checkable
class MakesTargets(Protocol):
    """A :class:`~tasks.workloads.protocol.LearnedReader` whose ``encode`` gives targets, too, by the target's name."""

    @property
    def target(self) -> TensorSpec:
        """The target of a sample: several numbers, of which zeros at the end are not stored."""
