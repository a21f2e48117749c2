"""Learning of one of several classes."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.workloads.protocol import Array


class ClassesLearning:
    """Cross-entropy from logits, and accuracy. Targets are int64 ``[n]``, outputs float32 ``[n, classes]``."""

    less_is_better = False

    def loss(self) -> Any:
        """Return Keras's cross-entropy from logits."""
        return keras().losses.SparseCategoricalCrossentropy(from_logits=True)

    def metric(self) -> Any:
        """Return Keras's accuracy."""
        return keras().metrics.SparseCategoricalAccuracy(name="accuracy")

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return the cross-entropy of each sample."""
        tf = tensorflow()
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets, tf.int32), outputs)

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return ``KL(teacher ‖ student)`` of each sample, both softened by the temperature."""
        tf = tensorflow()
        taught = tf.nn.log_softmax(answers / temperature)
        learned = tf.nn.log_softmax(outputs / temperature)
        return tf.reduce_sum(tf.exp(taught) * (taught - learned), axis=-1)

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean cross-entropy, in float64, and the accuracy."""
        shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]
        return float(losses.mean()), float(np.mean(outputs.argmax(axis=1) == targets))

    def same_answers(self, expected: Array, received: Array, error: Array) -> tuple[Array, Array]:
        """Compare the classes of the largest logits.

        An error explains another answer if the two answers' logits lie no further apart than it may move them: √2 of
        its size, the largest change of a difference by an error vector of that norm.
        """
        first, second = expected.argmax(axis=1), received.argmax(axis=1)
        rows = np.arange(len(expected))
        gaps = expected[rows, first].astype(np.float64) - expected[rows, second]
        return first == second, (first != second) & (gaps <= np.sqrt(2) * error)
