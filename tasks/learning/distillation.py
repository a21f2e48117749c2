"""Distillation: a student learns a teacher's answers beside the labels.

The paper is Hinton, Vinyals and Dean 2015, arXiv:1503.02531.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.learning.feeding import IDS, taken
from tasks.learning.saving import weights_digest
from tasks.workloads.protocol import OutcomeLearning


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network, or an ensemble of some, whose answers are learned.

    ``members``: from the same inputs to logits; an ensemble answers with the mean of their logits, which is the
    geometric mean of their probabilities. ``temperature``: what logits are divided by before the softmax. ``weight``:
    share of the teacher in the loss; the labels have the rest. ``seed``: of the order and augmentation of the samples
    that it is asked about, so that all trainings that share it ask about the same, see
    :mod:`tasks.learning.teacher_cache`.
    """

    members: tuple[KerasModel, ...]
    temperature: float
    weight: float
    seed: int = 0
    kept = True  # its answers take little room and cost much

    @functools.cached_property
    def digest(self) -> str:
        """Identifies the members: the same networks and weights give the same digest."""
        known = repr([(member.to_json(), weights_digest(member)) for member in self.members])
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        """Return what a training with this teacher depends on."""
        return f"Teacher({self.digest}, {self.temperature}, {self.weight}, {self.seed})"

    def answer(self, samples: Any) -> TfTensor:
        """Return the teacher's logits, ``[n, classes]``; of several members the mean.

        Args:
            samples: as a network takes them.
        """
        logits = [member(samples, training=False) for member in self.members]
        return tensorflow().add_n(logits) / len(self.members)

    def answers(self) -> Callable[[Any], NDArray[np.float32]]:
        """Return :meth:`answer`, compiled, from samples as a network takes them to arrays."""
        tf, first = tensorflow(), self.members[0]
        signature = taken(
            {
                name: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype if tensor.dtype.name in IDS else tf.float32)
                for name, tensor in zip(first.input_names, first.inputs, strict=True)
            }
        )
        compiled = tf.function(self.answer, input_signature=[signature], autograph=False)
        return lambda samples: np.asarray(compiled(samples), np.float32)

    def loss(self, outcome: OutcomeLearning, numbers: int = 0) -> Callable[[TfTensor, TfTensor], TfTensor]:
        """See :func:`distillation_loss`."""
        return distillation_loss(outcome, self.temperature, self.weight, numbers)

    def metric(self, outcome: OutcomeLearning, numbers: int = 0) -> Any:
        """See :func:`metric_of_targets`."""
        return metric_of_targets(outcome, numbers=numbers)


def taught_targets(labels: TfTensor, answers: TfTensor) -> TfTensor:
    """Return what a student learns in a batch: targets, then the teacher's outputs: float32 ``[n, 1 + outputs]``.

    Args:
        labels: targets ``[n]``, or ``[n, numbers]`` of several numbers each.
        answers: the teacher's outputs, ``[n, outputs]``.
    """
    tf = tensorflow()
    targets = tf.cast(labels, tf.float32)
    return tf.concat([targets if len(targets.shape) == 2 else targets[:, None], answers], axis=1)


def taken_apart(truth: TfTensor, numbers: int) -> tuple[TfTensor, TfTensor | None]:
    """Return the targets of a batch as the outcome takes them, and a teacher's outputs, where there are any.

    Args:
        truth: as :func:`taught_targets` gives it, or targets alone.
        numbers: of a target; 0 where it is a single number without an axis.
    """
    width = max(1, numbers)
    targets = truth[:, :numbers] if numbers else truth[:, 0]
    return targets, truth[:, width:] if truth.shape[-1] > width else None


def distillation_loss(
    outcome: OutcomeLearning, temperature: float, weight: float, numbers: int = 0
) -> Callable[[TfTensor, TfTensor], TfTensor]:
    """Return ``(1 − weight) · loss(targets) + weight · temperature² · distance(teacher, student)``.

    For classes the loss is the cross-entropy and the distance ``KL(teacher ‖ student)``, both softened by the
    temperature. The loss of a batch with targets alone, as validation has them, is the plain one.

    Args:
        outcome: whose loss and distance these are.
        temperature: by which logits are divided first.
        weight: of the distance, from 0 to 1.
        numbers: of a target, see :func:`taken_apart`.
    """

    def loss(truth: TfTensor, outputs: TfTensor) -> TfTensor:
        targets, taught = taken_apart(truth, numbers)
        hard = outcome.each_loss(targets, outputs)
        if taught is None:
            return hard
        soft = outcome.each_taught_loss(taught, outputs, temperature)
        return (1.0 - weight) * hard + weight * temperature**2 * soft

    return loss


def metric_of_targets(outcome: OutcomeLearning, outputs: int | None = None, numbers: int = 0) -> Any:
    """Return the outcome's metric as a Keras metric that looks at the targets alone.

    Args:
        outcome: whose metric.
        outputs: numbers of an output that are the outcome's; those behind are not looked at. None: all.
        numbers: of a target, see :func:`taken_apart`.
    """

    metric = outcome.metric()

    class OfTargets(keras().metrics.Metric):  # type: ignore[misc]
        def update_state(self, truth: TfTensor, given: TfTensor, sample_weight: TfTensor | None = None) -> Any:
            targets, _ = taken_apart(truth, numbers)
            return metric.update_state(targets, given if outputs is None else given[:, :outputs], sample_weight)

        def result(self) -> TfTensor:
            return metric.result()

        def reset_state(self) -> None:
            metric.reset_state()

    return OfTargets(name=metric.name)
