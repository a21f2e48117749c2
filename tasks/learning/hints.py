"""Hints: a student's layer learns what a teacher's layer gives (Romero et al. 2015, FitNets, arXiv:1412.6550).

Only what lies before the student's layer is trained. Where the two have different widths a regressor, a 1 × 1
convolution or a dense layer, stands between them, which is thrown away afterwards.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.backend import KerasModel, TfTensor, keras, tensorflow
from tasks.keras_types import Shape
from tasks.learning.distillation import metric_of_targets, taken_apart
from tasks.learning.saving import weights_digest
from tasks.workloads.protocol import OutcomeLearning

PENULTIMATE = "penultimate"  # what the last layer gets


def features(model: KerasModel, layer: str) -> TfTensor:
    """Return the symbolic output of a layer, or the input of the last one.

    Args:
        model: the network.
        layer: its name, or ``penultimate``.

    Raises:
        ValueError: there is no such layer.
    """
    return model.layers[-1].input if layer == PENULTIMATE else model.get_layer(layer).output


@dataclass(frozen=True, eq=False)
class Hints:
    """The features of one layer of a teacher, brought to the form of a layer of the student.

    ``network``: from raw pixels to the teacher's features, flat: float32 ``[n, width]``; ``classes``: of the student,
    whose outputs are its logits and then its own features, see :func:`match`; ``seed``: of the samples' order and
    augmentation.
    """

    network: KerasModel
    classes: int
    seed: int = 0
    kept = False  # features take much more room than logits: they are asked for in each batch

    @functools.cached_property
    def digest(self) -> str:
        """Identifies the teacher's part: the same network and weights give the same digest."""
        known = repr((self.network.to_json(), weights_digest(self.network)))
        return hashlib.sha256(known.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        """Return what a training with these hints depends on."""
        return f"Hints({self.digest}, {self.seed})"

    def answer(self, samples: Any) -> TfTensor:
        """Return features ``[n, width]`` of samples.

        Args:
            samples: as a network takes them.
        """
        return self.network(samples, training=False)

    def loss(self, outcome: OutcomeLearning, numbers: int = 0) -> Callable[[TfTensor, TfTensor], TfTensor]:
        """Return the mean square of the difference of features; of a batch with targets alone the outcome's loss."""
        tf = tensorflow()

        def loss(truth: TfTensor, outputs: TfTensor) -> TfTensor:
            targets, taught = taken_apart(truth, numbers)
            if taught is None:
                return outcome.each_loss(targets, outputs[:, : self.classes])
            return tf.reduce_mean(tf.square(outputs[:, self.classes :] - taught), axis=-1)

        return loss

    def metric(self, outcome: OutcomeLearning, numbers: int = 0) -> Any:
        """Return the metric of the student's outputs, its features aside."""
        return metric_of_targets(outcome, self.classes, numbers)


def match(
    student: KerasModel, student_layer: str, teacher: KerasModel, teacher_layer: str, seed: int
) -> tuple[KerasModel, Hints]:
    """A model to train in the student's place, and what it learns from.

    Maps whose sides fit are compared place by place, the teacher's averaged to the student's grid; others by their
    mean over all places.

    Args:
        student: from raw pixels to logits; its layers are those of the model that is given back.
        student_layer: whose output learns, or ``penultimate``.
        teacher: from the same pixels.
        teacher_layer: whose output is learned, or ``penultimate``.
        seed: of the samples' order and augmentation.

    Returns:
        a model whose outputs are the student's logits and then its features ``[n, classes + width]``; the hints.

    Raises:
        ValueError: there is no such layer.
    """
    layers = keras().layers
    own, theirs = features(student, student_layer), features(teacher, teacher_layer)
    factor = _factor(own.shape, theirs.shape)
    if factor is None:
        own, theirs = _vector(own), _vector(theirs)
    elif factor > 1:
        theirs = layers.AveragePooling2D(factor, name="hint_grid")(theirs)
    width = theirs.shape[-1]
    if own.shape[-1] != width:
        regressor = (
            layers.Dense(width, name="hint_regressor")
            if factor is None
            else layers.Conv2D(width, 1, name="hint_regressor")
        )
        own = regressor(own)
    outputs = layers.Concatenate(name="hint_join")([student.output, _flat(own)])
    learned = keras().Model(teacher.input, _flat(theirs), name="hints")
    return keras().Model(student.input, outputs, name="matched"), Hints(learned, student.output_shape[-1], seed)


def _factor(own: Shape, theirs: Shape) -> int | None:
    """Return how much larger the teacher's map is in both directions; None where one cannot be laid over the other."""
    if len(own) != 4 or len(theirs) != 4:
        return None
    (high, wide), (tall, broad) = own[1:3], theirs[1:3]
    return tall // high if tall % high == 0 and broad % wide == 0 and tall // high == broad // wide else None


def _vector(signal: TfTensor) -> TfTensor:
    return keras().layers.GlobalAveragePooling2D(name="hint_mean")(signal) if len(signal.shape) == 4 else signal


def _flat(signal: TfTensor) -> TfTensor:
    return keras().layers.Flatten(name="hint_flat")(signal)  # a name that no network has: each is there once
