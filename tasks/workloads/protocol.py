"""The protocols of a workload, which goes into a model, and of an outcome, which comes out of it.

A workload is one folder here and one line in :data:`tasks.workloads.WORKLOADS`, or a class of a user's own. Stages know
it by the name in params.yaml alone. What learns is apart from what reads: only the former needs TensorFlow.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from tasks.arrays import Array as Array  # noqa: PLC0414 — a part of the protocol
from tasks.samples import Dataset, Specs
from tasks.samples import TensorSpec as TensorSpec  # noqa: PLC0414 — a part of the protocol
from tasks.settings import Settings
from tasks.workloads.items import Item, Payload, RawSample, RefusedSample, Rows, SourceFile, TakeFile

if TYPE_CHECKING:
    from tasks.backend import KerasModel, TfTensor


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


class RowReader(Protocol):
    """A reader whose samples are rows of tables."""

    def unfold(self, rows: Rows) -> Iterator[RawSample | RefusedSample]:
        """Make a sample, or its refusal, of each row.

        Args:
            rows: of a table.

        Returns:
            as many samples and refusals as there are rows.
        """


class Augmentation(Settings):
    """Random changes of training samples, anew in each epoch.

    By itself it changes nothing, unless a workload's training makes no sense without.
    """

    @property
    def changes(self) -> bool:
        """True if anything changes."""
        return self != type(self)()


class Outcome(Protocol):
    """An outcome, which comes out of a model: its name, what a sample's target is, and where the rest is.

    ``target``: one number, whose name is that of its feature in the shards. ``files``: names of files that a release
    must have beside its model, so that a device can read the answer. ``learning`` and ``measuring``: where its
    :class:`OutcomeLearning` and its :class:`tasks.workloads.measuring.OutcomeMeasuring` are, as
    ``package.module:Class``.
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


Builder = Callable[..., "KerasModel"]  # what a network's function takes is the workload's: see its ``build``


class WorkloadLearning(Protocol):
    """The learning of a workload; imports TensorFlow."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the functions that build the networks of slimline's own, by their names."""

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> "KerasModel":
        """Return the network that a builder makes, called with what it takes.

        The network takes uint8 and float32 as float32, and int32 and int64 as they are. Where there are several inputs
        its ``Input`` layers are called as they are.

        Args:
            builder: one of :meth:`networks`, or of a user's own.
            inputs: of the network.
            outputs: numbers that it gives for a sample, as logits.
            dropout: a rate.

        Raises:
            ValueError: the network does not fit the inputs.
        """

    def augment(self, batch: Mapping[str, "TfTensor"], settings: Any, seed: "TfTensor") -> Mapping[str, "TfTensor"]:
        """Return a batch changed at random, from a seed alone.

        Args:
            batch: ``[n, *shape]`` of each input by its name, as the network takes it.
            settings: of the workload's augmentation.
            seed: int64 ``[2]``; the same one gives the same changes.

        Returns:
            all inputs, of the same shapes and types.
        """


class OutcomeLearning(Protocol):
    """The learning of an outcome; imports TensorFlow. Targets and outputs are its tensors.

    ``less_is_better``: of :meth:`metric`.
    """

    less_is_better: bool

    def loss(self) -> Any:
        """Return the Keras loss of targets ``[n]`` and outputs ``[n, …]``."""

    def metric(self) -> Any:
        """Return the Keras metric that tells how good a model is, by the name of the outcome's first metric."""

    def each_loss(self, targets: "TfTensor", outputs: "TfTensor") -> "TfTensor":
        """Return the loss of each sample, float32 ``[n]``.

        Args:
            targets: ``[n]``.
            outputs: of the network, ``[n, …]``.
        """

    def each_taught_loss(self, answers: "TfTensor", outputs: "TfTensor", temperature: float) -> "TfTensor":
        """Return how far each sample's output is from a teacher's, float32 ``[n]``.

        The mean is multiplied by the temperature's square afterwards: where a temperature means nothing, divide by it.

        Args:
            answers: the teacher's outputs, ``[n, …]``.
            outputs: of the network, ``[n, …]``.
            temperature: of the distillation.
        """

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean loss and the metric of arrays.

        Args:
            targets: ``[n]``.
            outputs: of the network, ``[n, …]``.
        """

    def same_answers(self, expected: Array, received: Array, error: Array) -> tuple[Array, Array] | None:
        """Compare the answers that two models give; None where outputs are no answers but numbers.

        Args:
            expected: outputs of one model, ``[n, …]``.
            received: those of the other.
            error: the size of the error that is permitted in the outputs of each sample, ``[n]``.

        Returns:
            which samples have the same answer, bool ``[n]``; and which of the others such an error explains.
        """
