"""The protocols of readers, which bring the samples of a source to the inputs of a network, and what they give."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from tasks.arrays import Array
from tasks.samples import Specs
from tasks.workloads.items import Payload, RawSample, RefusedSample, Rows


class UnusableError(Exception):
    """A sample cannot be used; the message is the reason, for the person whose file it is."""


class Example(NamedTuple):
    """A sample as it is kept.

    ``split_hash``: a hash of what decides which split it belongs to, 64 bits. ``inputs``: an array ``[*shape]`` for
    each input, by its name. ``changes``: what was done to make it fit, for counting.
    """

    split_hash: int
    inputs: Mapping[str, Array]
    changes: tuple[str, ...] = ()


class Draft(NamedTuple):
    """A sample as it waits for what is learned of the training samples.

    ``split_hash``: as of an example. ``digest``: 16 bytes, equal for samples that count as equal. ``content``: what a
    :class:`LearnedReader` makes inputs of. ``changes``: as of an example.
    """

    split_hash: int
    digest: bytes
    content: bytes
    changes: tuple[str, ...] = ()


class Reader(Protocol):
    """A reader of the samples of one source. It is handed to other processes, so it can be pickled."""

    @property
    def inputs(self) -> Specs:
        """The inputs that every sample is brought to: of any fixed shape, of type uint8, int32, int64 or float32."""

    def read(self, payload: Payload) -> Example:
        """Return one sample as it is kept.

        Args:
            payload: as the source gives it.

        Raises:
            UnusableError: it cannot be one.
        """

    def tell(self, changes: Counter[str]) -> list[str]:
        """Return in sentences how many samples were changed to make them fit, and how.

        Args:
            changes: how often each change of an example was made.
        """


@runtime_checkable
class LearnedReader(Protocol):
    """A reader that has learned of the training samples, as a vocabulary. It can be pickled."""

    @property
    def inputs(self) -> Specs:
        """The inputs that every sample is brought to."""

    @property
    def assets(self) -> Mapping[str, bytes]:
        """Return what a device needs to read questions the same way: files by their names, of at most 64 MiB each."""

    def encode(self, contents: Sequence[bytes]) -> Mapping[str, Array]:
        """Return samples as the network takes them: ``[n, *shape]`` of each input, by its name.

        Args:
            contents: of n drafts.
        """

    def tell(self, changes: Counter[str]) -> list[str]:
        """Return in sentences what was learned, and how many samples were changed to make them fit.

        Args:
            changes: how often each change of a draft was made.
        """


@runtime_checkable
class Vocabulary(Protocol):
    """A learned reader whose only input has ids of things that were learned, and which can do with fewer.

    ``stay``: ids from 0 on that stand for nothing learned, and always stay. ``unknown``: the one of these that stands
    for what is not known.
    """

    stay: int
    unknown: int

    @property
    def why_whole(self) -> str:
        """Return why it can do without none of the ids; empty where it can."""

    def keeping(self, ids: Sequence[int]) -> LearnedReader:
        """Return the reader that knows some of the things alone, numbered from :attr:`stay` on in their order.

        Args:
            ids: of those that stay known, rising, none below :attr:`stay`.
        """


@runtime_checkable
class LearningReader(Protocol):
    """A reader that must see the training samples before it can make inputs of any. It can be pickled."""

    def read(self, payload: Payload) -> Draft:
        """Return one sample as it waits.

        Args:
            payload: as the source gives it.

        Raises:
            UnusableError: it cannot be a sample.
        """

    def study(self, contents: Iterator[bytes]) -> Any:
        """Return what is seen in some of the training samples, as counts; other processes see others.

        Args:
            contents: of their drafts.
        """

    def learn(self, studied: Iterator[Any]) -> LearnedReader:
        """Learn of what was seen in all training samples.

        Args:
            studied: what :meth:`study` gave, in an order that depends on nothing but the samples.

        Returns:
            a reader that makes inputs of all contents.

        Raises:
            ValueError: there is nothing to be learned of them; the message says why.
        """


@runtime_checkable
class CuttingReader(Protocol):
    """A :class:`LearningReader` that cuts several samples out of one, as windows out of a text."""

    def cut(self, payload: Payload) -> Iterator[Draft]:
        """Yield the samples as they wait, at least one; those of one payload have the same ``split_hash``.

        Args:
            payload: as the source gives it.

        Raises:
            UnusableError: it cannot be read; nothing was given before.
        """


class Drafted(NamedTuple):
    """Samples as they wait: of each its name, its label and the draft."""

    names: Sequence[str]
    labels: Sequence[str]
    drafts: Sequence[Draft]


@runtime_checkable
class DraftingReader(Protocol):
    """A :class:`RowReader` that makes drafts of many rows in less time than one by one."""

    def drafted(self, rows: Rows) -> Drafted | None:
        """Make a sample of each row, as ``unfold`` and ``read`` do; all are of the split that the rows declare.

        Args:
            rows: of a table.

        Returns:
            None where a row is odd, so that one is to be looked at after the other.
        """


class RowReader(Protocol):
    """A reader whose samples are rows of tables."""

    def unfold(self, rows: Rows) -> Iterator[RawSample | RefusedSample]:
        """Make a sample, or its refusal, of each row.

        Args:
            rows: of a table.

        Returns:
            as many samples and refusals as there are rows.
        """
