"""The protocols of what learns: of a workload and of an outcome. Their implementations import TensorFlow."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tasks.arrays import Array
from tasks.samples import Dataset, Specs

if TYPE_CHECKING:
    from tasks.backend import KerasModel, TfTensor


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


@runtime_checkable
class ConfiguredLearning(Protocol):
    """The learning of an outcome that has settings."""

    def configured(self, settings: Any, dataset: Dataset) -> OutcomeLearning:
        """Return the learning of these settings.

        Args:
            settings: ``outcome`` of params.yaml.
            dataset: what was prepared.

        Raises:
            ConfigError: they do not fit the data.
        """
