"""Learning of texts: the networks, how they are built, and augmentation."""

from collections.abc import Mapping

from tasks.backend import KerasModel, TfTensor, tensorflow
from tasks.samples import Specs
from tasks.workloads.protocol import Builder
from tasks.workloads.text.networks import BUILDERS
from tasks.workloads.text.numbers import PADDING, UNKNOWN_ID
from tasks.workloads.text.settings import TOKENS, TextAugmentation


class TextLearning:
    """Networks, building and augmentation of texts."""

    def networks(self) -> Mapping[str, Builder]:
        """Return the networks for texts."""
        return BUILDERS

    def build(self, builder: Builder, inputs: Specs, outputs: int, dropout: float) -> KerasModel:
        """Call ``builder(length, rows, outputs, dropout)``."""
        (tokens,) = inputs
        return builder(tokens.shape[0], int(tokens.high) + 1, outputs, dropout)

    def augment(
        self, batch: Mapping[str, TfTensor], settings: TextAugmentation, seed: TfTensor
    ) -> Mapping[str, TfTensor]:
        """Let some words be unknown."""
        tf = tensorflow()
        tokens = batch[TOKENS]
        forgotten = tf.random.stateless_uniform(tf.shape(tokens), seed) < settings.forget
        unknown = tf.constant(UNKNOWN_ID, tokens.dtype)
        return {TOKENS: tf.where(forgotten & (tokens != PADDING), unknown, tokens)}
