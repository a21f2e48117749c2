"""The protocols of a workload, which goes into a model, and of an outcome, which comes out of it.

A workload is one folder here and one line in :data:`tasks.workloads.WORKLOADS`, or a class of a user's own. Stages know
it by the name in params.yaml alone. What learns is apart from what reads: only the former needs TensorFlow. All that a
workload is made of can be imported from here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from tasks.arrays import Array
from tasks.samples import Dataset, Specs, TensorSpec
from tasks.settings import Settings
from tasks.workloads.items import Item, RawSample, RefusedSample, SourceFile, TakeFile
from tasks.workloads.learning import Builder, ConfiguredLearning, OutcomeLearning, WorkloadLearning
from tasks.workloads.readers import (
    CuttingReader,
    Draft,
    Drafted,
    DraftingReader,
    Example,
    LearnedReader,
    LearningReader,
    Reader,
    RowReader,
    UnusableError,
    Vocabulary,
)

__all__ = [
    "Array",
    "Augmentation",
    "Builder",
    "ConfiguredLearning",
    "CutsCollected",
    "CuttingReader",
    "Draft",
    "Drafted",
    "DraftingReader",
    "Example",
    "LearnedReader",
    "LearnedReading",
    "LearningReader",
    "Outcome",
    "OutcomeLearning",
    "OutcomeSettings",
    "Reader",
    "RowReader",
    "TensorSpec",
    "UnusableError",
    "Vocabulary",
    "Workload",
    "WorkloadLearning",
    "WorkloadReading",
]


class Augmentation(Settings):
    """Random changes of training samples, anew in each epoch.

    By itself it changes nothing, unless a workload's training makes no sense without.
    """

    @property
    def changes(self) -> bool:
        """True if anything changes."""
        return self != type(self)()


class OutcomeSettings(Settings):
    """Settings of an outcome in params.yaml: ``outcome``. By itself there are none.

    ``answering``: names of those by which outputs become answers. The others decide how networks learn.
    """

    answering: ClassVar[frozenset[str]] = frozenset()

    def changed(self, answering: bool) -> dict[str, Any]:
        """Return the settings that are not as they are by themselves, as JSON has them.

        Args:
            answering: whether those of answers are wanted, or those of learning.
        """
        every = self.model_dump(mode="json", exclude_defaults=True)
        return {name: value for name, value in every.items() if (name in self.answering) == answering}


class Outcome(Protocol):
    """An outcome, which comes out of a model: its name, what a sample's target is, and where the rest is.

    ``target``: one number, whose name is that of its feature in the shards. ``files``: names of files that a release
    must have beside its model, so that a device can read the answer. ``learning`` and ``measuring``: where its
    :class:`OutcomeLearning` and its :class:`tasks.workloads.measuring.OutcomeMeasuring` are, as
    ``package.module:Class``. One that can be set up has ``settings``, a class of :class:`OutcomeSettings`, and its
    learning is a :class:`ConfiguredLearning`.
    """

    name: str
    target: TensorSpec
    files: frozenset[str]
    learning: str
    measuring: str

    def outputs(self, dataset: Dataset) -> int:
        """Return how many numbers a network gives for a sample.

        Args:
            dataset: what was prepared.
        """

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the classes of samples, in the order of their numbers; none where targets are no classes.

        Args:
            labels: all that samples have, each once, in the order of numbers and of the alphabet.
        """

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        """Return the target that each label of a source stands for.

        Args:
            labels: see :meth:`classes`.

        Raises:
            ValueError: a label stands for none.
            UnfitError: there are too few to learn anything from; what to do is said behind it.
        """


class Workload(Protocol):
    """One kind of what goes into a model: its names, its settings, and where the rest is.

    ``name``: in params.yaml, where ``data.<name>`` are its settings. ``thing``: what people call one sample, and
    ``things``: several. ``meaning``: of the numbers in each input, by its name, for whoever feeds a model by hand.
    ``first_params``: changes that ``slimline new`` makes to the params.yaml of a project for such samples, as ``--set``
    takes them, after what the template has of another workload is gone.
    ``reading`` and ``learning``: where its :class:`WorkloadReading` and :class:`WorkloadLearning` are, as
    ``package.module:Class``: a stage depends on the code of those that it uses.
    """

    name: str
    thing: str
    things: str
    meaning: Mapping[str, str]
    settings: type[Settings]
    augmentation: type[Augmentation]
    outcome: Outcome
    first_params: Sequence[str]
    reading: str
    learning: str

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Return valid samples that are nobody's data, the same ones each time: ``[count, *shape]`` of each input.

        Args:
            inputs: of the network.
            count: of samples.
        """

    def describe(self, inputs: Specs) -> str:
        """Return what one sample is, with an article and its size, for a model card.

        Args:
            inputs: of the network.
        """


class WorkloadReading(Protocol):
    """The reading of a workload: how files become samples, and a device's questions. It needs no TensorFlow.

    ``layout``: how files of one's own are to lie, for messages.
    """

    layout: str

    def take_file(self, settings: Any) -> TakeFile:
        """Return how a file of a source becomes samples, rows of samples, refusals, or nothing.

        Args:
            settings: ``data.<name>``.
        """

    def is_meant(self, path: str) -> bool:
        """Return whether a file that cannot be used was meant as a sample, as far as its name tells.

        Args:
            path: relative to the source.
        """

    def reader(self, settings: Any, items: Iterator[Item]) -> tuple[Reader | LearningReader, Iterator[Item]]:
        """Settle how samples are read, where params.yaml leaves that to the source.

        Args:
            settings: ``data.<name>``.
            items: of the source.

        Returns:
            the reader, and all items, those included that were looked at.
        """

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:
        """Read a device's question the same way as a sample is read.

        Args:
            question: of a person: a path is one of a file; a text is what the workload takes it for.
            inputs: of the release.
            assets: of the release; empty where nothing was learned, see :class:`LearnedReader`.

        Returns:
            ``[*shape]`` of each input, by its name.

        Raises:
            DataError: it cannot be read as a sample.
        """


@runtime_checkable
class CutsCollected(Protocol):
    """A :class:`LearnedReading` that cuts several samples out of one that a device has collected."""

    def cut(self, sample: RawSample, settings: Any) -> Iterator[Draft]:
        """Yield the samples as they wait to be encoded.

        Args:
            sample: of :meth:`LearnedReading.collected`.
            settings: ``data.<name>``.

        Raises:
            UnusableError: it cannot be read.
        """


@runtime_checkable
class LearnedReading(Protocol):
    """A reading whose readers learn of the training samples."""

    def learned(self, assets: Mapping[str, bytes]) -> LearnedReader:
        """Return the reader that a release has learned, of what it left.

        Args:
            assets: of the release.

        Raises:
            DataError: they are not what is expected.
        """

    def collected(self, file: SourceFile, settings: Any) -> Iterator[RawSample | RefusedSample]:
        """Yield the samples of a file that a device has collected; one whose class is not known has an empty label.

        Args:
            file: of a folder.
            settings: ``data.<name>``.

        Raises:
            SourceError: the file is damaged, or has not what the settings name.
        """

    def draft(self, sample: RawSample, settings: Any) -> Draft:
        """Return a collected sample as it waits to be encoded.

        Args:
            sample: of :meth:`collected`.
            settings: ``data.<name>``.

        Raises:
            UnusableError: it cannot be a sample.
        """
