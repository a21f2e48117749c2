"""Macro F1 as a metric of training: the mean over the classes of ``2 · hits / (answers + samples)``; 0 / 0 is 0."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.workloads.protocol import Array


def f1_of(targets: Array, said: Array, classes: int) -> float:
    """Return the macro F1 of answers.

    Args:
        targets: numbers of classes ``[n]``.
        said: the answers ``[n]``.
        classes: how many there are.
    """
    right = said == targets
    hits, answers, samples = (np.bincount(each, minlength=classes) for each in (said[right], said, targets))
    return float(np.mean(2 * hits / np.maximum(1, answers + samples)))


def macro_f1(classes: int) -> Any:
    """Return the Keras metric ``f1`` of targets ``[n]`` or ``[n, 1]`` and outputs ``[n, classes]``.

    Args:
        classes: how many there are.
    """
    tf = tensorflow()

    class MacroF1(keras().metrics.Metric):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="f1")
            self.counts = self.add_weight("counts", (3, classes), initializer="zeros", dtype=tf.float64)

        def update_state(self, truth: TfTensor, outputs: TfTensor, sample_weight: TfTensor | None = None) -> None:  # noqa: ARG002
            targets = tf.reshape(tf.cast(truth, tf.int32), [-1])
            said = tf.argmax(outputs, axis=-1, output_type=tf.int32)
            each = (tf.boolean_mask(said, said == targets), said, targets)
            counted = tf.stack([tf.math.bincount(found, minlength=classes, maxlength=classes) for found in each])
            self.counts.assign_add(tf.cast(counted, tf.float64))

        def result(self) -> TfTensor:
            hits, answers, samples = tf.unstack(self.counts)
            return tf.reduce_mean(tf.math.divide_no_nan(2 * hits, answers + samples))

        def reset_state(self) -> None:
            self.counts.assign(tf.zeros_like(self.counts))

    return MacroF1()
