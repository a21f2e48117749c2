"""Learning of a ranking."""

from typing import Any

import numpy as np

from tasks.backend import TfTensor, keras, tensorflow
from tasks.workloads.outcomes.ranking.metrics import Ndcg
from tasks.workloads.outcomes.ranking.ranks import CUTOFF, FIGURES, figures_of
from tasks.workloads.outcomes.scores import same_largest, softened_distance
from tasks.workloads.protocol import Array

NEVER = -1e9  # the score of what is not to be named


class RankingLearning:
    """The multinomial likelihood of the items to be found, and NDCG.

    Targets are int32 ``[n, room]``, outputs float32 ``[n, items]``.

    The likelihood is that of D. Liang et al., Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814.
    """

    less_is_better = False

    def loss(self) -> Any:
        """Return :meth:`each_loss` as a Keras loss."""
        return _as_loss(self)

    def metric(self) -> Any:
        """Return NDCG of the first ten as a Keras metric."""
        return _metric()

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return the mean of ``−log p`` over the items to be found, known items left out; 0 where there are none."""
        tf = tensorflow()
        targets = tf.cast(targets, tf.int32)
        scores = _without_known(targets, tf.cast(outputs, tf.float32))
        wanted = _is_wanted(targets, tf.shape(scores)[1])
        places = tf.where(wanted, targets - 1, 0)
        chances = tf.gather(tf.nn.log_softmax(scores), places, batch_dims=1)
        counts = tf.reduce_sum(tf.cast(wanted, tf.float32), axis=1)
        return -tf.reduce_sum(tf.where(wanted, chances, 0.0), axis=1) / tf.maximum(counts, 1.0)

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return ``KL(teacher ‖ student)`` of each sample over all items, both softened by the temperature."""
        return softened_distance(answers, outputs, temperature)

    def score(self, targets: Array, outputs: Array) -> tuple[float, float]:
        """Return the mean loss, and NDCG."""
        items, shown = outputs.shape[1], outputs.astype(np.float64)
        losses = []
        for scores, target in zip(shown, targets, strict=True):
            scores[-target[(target < 0) & (target >= -items)] - 1] = NEVER
            wanted = target[target > 0] - 1
            peak = scores.max()
            whole = peak + np.log(np.exp(scores - peak).sum())
            losses.append(float((whole - scores[wanted]).mean()) if len(wanted) else 0.0)
        ndcg = figures_of(outputs, targets)[:, FIGURES.index(Ndcg.name)]
        return float(np.mean(losses)), float(ndcg.mean())

    def same_answers(self, expected: Array, received: Array, error: Array) -> tuple[Array, Array]:
        """Compare the items of the largest scores; see :func:`.scores.same_largest`."""
        return same_largest(expected, received, error)


def _is_wanted(targets: TfTensor, items: TfTensor) -> TfTensor:
    return (targets > 0) & (targets <= items)


def _without_known(targets: TfTensor, scores: TfTensor) -> TfTensor:
    """Return scores in which those of known items are too low to count."""
    tf = tensorflow()
    count, items = tf.shape(scores)[0], tf.shape(scores)[1]
    known = (targets < 0) & (targets >= -items)
    columns = tf.where(known, -targets - 1, items)  # one behind the last, for what is none
    rows = tf.broadcast_to(tf.range(count)[:, None], tf.shape(columns))
    places = tf.stack([tf.reshape(rows, [-1]), tf.reshape(columns, [-1])], axis=1)
    wide = tf.concat([scores, tf.zeros([count, 1], scores.dtype)], axis=1)
    low = tf.fill([tf.shape(places)[0]], tf.constant(NEVER, scores.dtype))
    return tf.tensor_scatter_nd_update(wide, places, low)[:, :-1]


def _ndcg(targets: TfTensor, outputs: TfTensor) -> TfTensor:
    """Return NDCG of each sample, as :func:`.ranks.figures` defines it, float32 ``[n]``."""
    tf = tensorflow()
    targets = tf.cast(targets, tf.int32)
    scores = _without_known(targets, tf.cast(outputs, tf.float32))
    items = tf.shape(scores)[1]
    _, first = tf.math.top_k(scores, k=tf.minimum(CUTOFF, items))  # of equal ones the first in front, as on a device
    wanted = _is_wanted(targets, items)
    hits = tf.reduce_any((first[:, :, None] == targets[:, None, :] - 1) & wanted[:, None, :], axis=2)
    gains = 1.0 / (tf.math.log(tf.range(2, CUTOFF + 2, dtype=tf.float32)) / tf.math.log(2.0))
    reached = tf.reduce_sum(tf.cast(hits, tf.float32) * gains[: tf.shape(hits)[1]], axis=1)
    counts = tf.reduce_sum(tf.cast(wanted | (targets == -(items + 1)), tf.int32), axis=1)
    ideal = tf.gather(tf.concat([[1.0], tf.cumsum(gains)], axis=0), tf.minimum(counts, CUTOFF))
    return reached / ideal


def _as_loss(outcome: RankingLearning) -> Any:
    class MultinomialLikelihood(keras().losses.Loss):  # type: ignore[misc]
        def call(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
            return outcome.each_loss(targets, outputs)

    return MultinomialLikelihood(name="multinomial_likelihood")


def _metric() -> Any:
    class NdcgOfAll(keras().metrics.Mean):  # type: ignore[misc]
        def update_state(self, targets: TfTensor, outputs: TfTensor, sample_weight: TfTensor | None = None) -> Any:
            return super().update_state(_ndcg(targets, outputs), sample_weight)

    return NdcgOfAll(name=Ndcg.name)
