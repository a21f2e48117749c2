"""Learning of the next token."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.workloads.outcomes.next_token.metrics import Perplexity
from tasks.workloads.outcomes.next_token.targets import OTHERS, TOKEN, spelling
from tasks.workloads.outcomes.scores import same_largest, softened_distance
from tasks.workloads.protocol import Array


class NextTokenLearning:
    """Cross-entropy from logits, and perplexity. Targets are int32 ``[n, 3]``, outputs float32 ``[n, rows]``."""

    less_is_better = True

    def loss(self) -> Any:
        """Return :meth:`each_loss` as a Keras loss."""

        def loss(targets: TfTensor, outputs: TfTensor) -> TfTensor:
            return self.each_loss(targets, outputs)

        return loss

    def metric(self) -> Any:
        """Return perplexity as a Keras metric."""
        return _metric(self)

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return ``−log p`` of the token that comes next; an unknown one is one token."""
        tf = tensorflow()
        tokens = tf.cast(targets, tf.int32)[:, TOKEN]
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, outputs)

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return ``KL(teacher ‖ student)`` of each sample, both softened by the temperature."""
        return softened_distance(answers, outputs, temperature)

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean loss, in float64, and perplexity."""
        losses = losses_of(targets, outputs)
        return float(losses.mean()), float(np.exp((losses + spelling(targets)).mean()))

    def same_answers(self, expected: Array, received: Array, error: Array) -> tuple[Array, Array]:
        """Compare the likeliest tokens; see :func:`..scores.same_largest`."""
        return same_largest(expected, received, error)


def losses_of(targets: Array, outputs: Array) -> Array:
    """Return ``−log p`` of the token that comes next, float64 ``[n]``.

    Args:
        targets: ``[n, 3]``.
        outputs: logits ``[n, rows]``.
    """
    shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
    whole = np.log(np.exp(shifted).sum(axis=1))
    return np.asarray(whole - shifted[np.arange(len(targets)), targets[:, TOKEN]])


def _metric(outcome: NextTokenLearning) -> Any:
    tf = tensorflow()

    class PerplexityOfTokens(keras().metrics.Mean):  # type: ignore[misc]
        def update_state(self, targets: TfTensor, outputs: TfTensor, sample_weight: TfTensor | None = None) -> Any:
            others = tf.math.log(tf.maximum(1.0, tf.cast(targets[:, OTHERS], tf.float32)))
            losses = outcome.each_loss(targets, tf.cast(outputs, tf.float32)) + others
            return super().update_state(losses, sample_weight)

        def result(self) -> TfTensor:
            return tf.exp(super().result())

    return PerplexityOfTokens(name=Perplexity.name)
