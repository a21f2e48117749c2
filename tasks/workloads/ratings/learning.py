"""Learning of ratings: the networks, how they are built, and augmentation."""

from collections.abc import Mapping
from pathlib import Path

from tasks.backend import KerasModel, TfTensor, tensorflow
from tasks.samples import Specs
from tasks.workloads.protocol import Builder
from tasks.workloads.ratings.networks import BUILDERS, SOLVED
from tasks.workloads.ratings.settings import HISTORY, USER, RatingsAugmentation


class RatingsLearning:
    """Networks, building and augmentation of ratings."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the networks for ratings."""
        return BUILDERS

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(length, items, users, dropout)``; items are as many as there are outputs, users may be 0."""
        by_name = {spec.name: spec for spec in inputs}
        users = int(by_name[USER].high) if USER in by_name else 0
        return builder(by_name[HISTORY].shape[0], outputs, users, dropout)

    def augment(
        self, batch: Mapping[str, TfTensor], settings: RatingsAugmentation, seed: TfTensor
    ) -> Mapping[str, TfTensor]:
        """Leave some items of histories out, for the network to find them."""
        tf = tensorflow()
        history = batch[HISTORY]
        forgotten = tf.random.stateless_uniform(tf.shape(history), seed) < settings.forget
        return {**batch, HISTORY: tf.where(forgotten, tf.zeros_like(history), history)}

    def solves(self, name: str) -> bool:
        """Return whether it is one that is solved for."""
        return name in SOLVED

    def solve(self, name: str, model: KerasModel, folder: Path) -> None:
        """Set the weights of a network."""
        SOLVED[name](model, folder)

    def augment_targets(self, targets: TfTensor, changed: Mapping[str, TfTensor]) -> TfTensor:
        """Let what the network still sees be known: it is to find what was left out, and not to repeat what it gets."""
        return tensorflow().where(is_seen(changed[HISTORY], targets), -targets, targets)


def is_seen(history: TfTensor, rows: TfTensor) -> TfTensor:
    """Return which rows of items a history has, of the shape of the rows; none that is no item.

    Items are marked in one row of all for each sample: to compare each with each would take as much as both are long.

    Args:
        history: int32 ``[n, length]``.
        rows: int32 ``[n, room]``.
    """
    tf = tensorflow()
    count, length = tf.shape(history)[0], tf.shape(history)[1]
    most = tf.maximum(tf.reduce_max(history), tf.reduce_max(rows)) + 1
    places = tf.stack([tf.repeat(tf.range(count), length), tf.reshape(history, [-1])], axis=1)
    marks = tf.scatter_nd(places, tf.ones_like(places[:, 0]), tf.stack([count, most]))
    return (tf.gather(marks, tf.maximum(rows, 0), batch_dims=1) > 0) & (rows > 0)
