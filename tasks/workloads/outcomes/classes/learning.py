"""Learning of one of several classes."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.errors import ConfigError
from tasks.samples import Dataset
from tasks.workloads.outcomes.classes.macro_f1 import f1_of, macro_f1
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tasks.workloads.outcomes.scores import same_largest, softened_distance
from tasks.workloads.protocol import Array


class ClassesLearning:
    """Cross-entropy from logits, and accuracy. Targets are int64 ``[n]``, outputs float32 ``[n, classes]``.

    Settings change both, see :meth:`configured`: the loss of a sample becomes ``weight · (1 − p)^γ · −log p``, where
    ``p`` is the probability of its class, ``weight`` is that of the class and ``γ`` is ``focal`` (the focal loss of Lin
    et al. 2017, arXiv:1708.02002, equation 5); the metric becomes macro F1.

    Args:
        settings: ``outcome`` of params.yaml.
        weights: of the classes; none where all have 1.
        classes: how many there are; only macro F1 needs it.
    """

    less_is_better = False

    def __init__(
        self, settings: ClassesSettings | None = None, weights: tuple[float, ...] | None = None, classes: int = 0
    ) -> None:
        self._settings = settings or ClassesSettings()
        self._weights = weights
        self._classes = classes

    def configured(self, settings: ClassesSettings, dataset: Dataset) -> "ClassesLearning":
        """Return the learning of these settings.

        Args:
            settings: ``outcome`` of params.yaml.
            dataset: what was prepared.

        Raises:
            ConfigError: weights name no class of the data.
        """
        return ClassesLearning(settings, weights_of(settings, dataset), len(dataset.classes))

    @property
    def _is_plain(self) -> bool:
        return self._weights is None and not self._settings.focal

    def loss(self) -> Any:
        """Return Keras's cross-entropy from logits, or the mean of :meth:`each_loss` where settings change it."""
        if self._is_plain:
            return keras().losses.SparseCategoricalCrossentropy(from_logits=True)

        def loss(targets: TfTensor, outputs: TfTensor) -> TfTensor:
            return self.each_loss(tensorflow().reshape(targets, [-1]), outputs)

        return loss

    def metric(self) -> Any:
        """Return Keras's accuracy, or macro F1."""
        if self._settings.best == "f1":
            return macro_f1(self._classes)
        return keras().metrics.SparseCategoricalAccuracy(name="accuracy")

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return the cross-entropy of each sample, weighted and focal where settings say so."""
        tf = tensorflow()
        numbers = tf.cast(targets, tf.int32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(numbers, outputs)
        if self._settings.focal:
            # 1 − p is −expm1(−loss); the power has no slope at 0, where a root would have an infinite one
            losses = tf.pow(tf.maximum(-tf.math.expm1(-losses), 1e-7), self._settings.focal) * losses
        if self._weights is not None:
            losses = tf.gather(tf.constant(self._weights, losses.dtype), numbers) * losses
        return losses

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return ``KL(teacher ‖ student)`` of each sample, both softened by the temperature."""
        return softened_distance(answers, outputs, temperature)

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean loss, in float64, and the metric."""
        shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]
        if self._settings.focal:
            losses = (-np.expm1(-losses)) ** self._settings.focal * losses
        if self._weights is not None:
            losses = np.array(self._weights)[targets] * losses
        said = outputs.argmax(axis=1)
        if self._settings.best == "f1":
            return float(losses.mean()), f1_of(targets, said, outputs.shape[1])
        return float(losses.mean()), float(np.mean(said == targets))

    def same_answers(self, expected: Array, received: Array, error: Array) -> tuple[Array, Array]:
        """Compare the classes of the largest logits; see :func:`.scores.same_largest`."""
        return same_largest(expected, received, error)


def weights_of(settings: ClassesSettings, dataset: Dataset) -> tuple[float, ...] | None:
    """Return the weights of the classes, in their order; None where all have 1.

    Those that balance are ``n / (K · n_k)`` of K classes with ``n_k`` of the n training samples (King and Zeng 2001,
    Logistic Regression in Rare Events Data, Political Analysis 9, 137-163): the loss of all samples together has the
    mean weight 1. A class without training samples has 1.

    Args:
        settings: ``outcome`` of params.yaml.
        dataset: what was prepared.

    Raises:
        ConfigError: a weight's name is no class.
    """
    classes, counts = dataset.classes, dataset.splits["train"].per_class
    if settings.weights == "none":
        return None
    if settings.weights == "balanced":
        known = [counts[name] for name in classes if counts.get(name)]
        total = sum(known) / max(1, len(known))
        return tuple(total / counts[name] if counts.get(name) else 1.0 for name in classes)
    if unknown := sorted(settings.weights.keys() - set(classes)):
        raise ConfigError(
            f"outcome.weights: expected names of classes, of {', '.join(classes[:20])}. Received: "
            f"{', '.join(unknown[:20])}. Name classes of the data."
        )
    return tuple(settings.weights.get(name, 1.0) for name in classes)
