"""Texts as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.samples import Specs
from tasks.workloads.outcomes.classes import Classes
from tasks.workloads.protocol import Outcome
from tasks.workloads.statistics import Statistic
from tasks.workloads.text.numbers import PADDING, UNKNOWN_ID
from tasks.workloads.text.settings import TOKENS, TextAugmentation, TextSettings, TokenSettings


class Text:
    """Texts in tables or in class folders; models take the numbers of tokens, int32."""

    name = "text"
    thing = "text"
    things = "texts"
    meaning: Mapping[str, str] = MappingProxyType(
        {TOKENS: "[batch, tokens], rows of the table of tokens; 0 before the first token of a short text, 1: unknown"}
    )
    settings: type[TokenSettings] = TextSettings
    augmentation = TextAugmentation
    outcome: Outcome = Classes()
    first_params: Sequence[str] = (
        "data.source=docstrings",
        "training.model=text_cnn",
        "training.epochs=15",
        "~recipes.qat_int8",
        "~recipes.control",
        "~recipes.float16",
    )
    reading = "tasks.workloads.text.reading:TextReading"
    learning = "tasks.workloads.text.learning:TextLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up texts of random tokens, from short to long."""
        (tokens,) = inputs
        (length,) = tokens.shape
        rng = np.random.default_rng(0)
        drawn = rng.integers(1, int(tokens.high) + 1, (count, length))
        lengths = -(-np.arange(1, count + 1) * length // count)
        return {TOKENS: np.where(np.arange(length) >= length - lengths[:, None], drawn, 0).astype(np.int32)}

    def statistics(self, inputs: Specs) -> Mapping[str, Statistic]:
        """Return the number of a text's tokens, and the share of those that are unknown.

        Args:
            inputs: of the network.
        """
        (tokens,) = inputs
        return {
            "tokens of a text": Statistic(TOKENS, 0.0, float(tokens.shape[0]), _count),
            "unknown tokens": Statistic(TOKENS, 0.0, 1.0, _unknown),
        }

    def describe(self, inputs: Specs) -> str:
        """Say how many tokens of a text are looked at, and how many there are."""
        (tokens,) = inputs
        return (
            f"a text, of which the first {tokens.shape[0]} tokens count, each one of {tokens.high - 1:,.0f} or unknown"
        )


def _count(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((tokens != PADDING).sum(axis=1), np.float64)


def _unknown(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((tokens == UNKNOWN_ID).sum(axis=1) / np.maximum(1, _count(tokens)), np.float64)
