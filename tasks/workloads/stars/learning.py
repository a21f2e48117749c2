"""Learning of predicted ratings."""

from collections.abc import Callable, Mapping

from tasks.backend import KerasModel, TfTensor, tensorflow
from tasks.samples import Specs
from tasks.workloads.protocol import Builder
from tasks.workloads.ratings.learning import is_seen
from tasks.workloads.ratings.settings import HISTORY, USER, RatingsAugmentation
from tasks.workloads.stars.networks import BUILDERS
from tasks.workloads.stars.settings import STARS


class StarsLearning:
    """Networks, building and augmentation of predicted ratings."""

    def networks(self) -> Mapping[str, Callable[..., KerasModel]]:
        """Return the networks for predicted ratings."""
        return BUILDERS

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(length, items, users, middle, dropout)``; users may be 0."""
        by_name = {spec.name: spec for spec in inputs}
        users = int(by_name[USER].high) if USER in by_name else 0
        stars = by_name[STARS]
        return builder(by_name[HISTORY].shape[0], outputs - 1, users, (stars.low + stars.high) / 2, dropout)

    def augment(
        self, batch: Mapping[str, TfTensor], settings: RatingsAugmentation, seed: TfTensor
    ) -> Mapping[str, TfTensor]:
        """Leave some items of histories out, for the network to predict how they are rated."""
        tf = tensorflow()
        history, stars = batch[HISTORY], batch[STARS]
        forgotten = tf.random.stateless_uniform(tf.shape(history), seed) < settings.forget
        return {
            **batch,
            HISTORY: tf.where(forgotten, tf.zeros_like(history), history),
            STARS: tf.where(forgotten, tf.zeros_like(stars), stars),
        }

    def augment_targets(self, targets: TfTensor, changed: Mapping[str, TfTensor]) -> TfTensor:
        """Ask for the ratings that the network does not see: it is not to repeat what it gets."""
        tf = tensorflow()
        known = is_seen(changed[HISTORY], tf.cast(targets[:, 0::2], tf.int32) - 1)
        kept = tf.cast(tf.logical_not(known), targets.dtype)
        return targets * tf.repeat(kept, 2, axis=1)
