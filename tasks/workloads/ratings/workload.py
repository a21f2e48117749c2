"""Ratings as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.samples import Specs
from tasks.workloads.outcomes.ranking import Ranking
from tasks.workloads.ratings.settings import HISTORY, USER, RatingsAugmentation, RatingsSettings
from tasks.workloads.statistics import Statistic


class Ratings:
    """Tables of who did what and when; models take the rows of a history's items, int32."""

    name = "ratings"
    thing = "history"
    things = "histories"
    meaning: Mapping[str, str] = MappingProxyType(
        {
            HISTORY: "[batch, items], rows of the table of items, from old to new; 0 before the first of a short one",
            USER: "[batch, 1], row of the table of users; 0: nobody who is known",
        }
    )
    settings = RatingsSettings
    augmentation = RatingsAugmentation
    outcome = Ranking()
    first_params: Sequence[str] = (
        "data.source=planted",
        "training.model=denoising_autoencoder",
        "training.epochs=30",
        "training.batch_size=64",
        "training.learning_rate=0.003",
        "training.schedule=cosine",
        *(f"~recipes.{name}" for name in ("qat_int8", "pruned_int8", "control", "clustered_int8", "float16")),
        "recipes.int4=[{technique: quantize, mode: int4}]",
        "gate.rules=[{metric: ndcg, margin: 0.01, versus: [baseline, production]}]",
    )
    reading = "tasks.workloads.ratings.reading:RatingsReading"
    learning = "tasks.workloads.ratings.learning:RatingsLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up histories of random items, from short to long, of random users."""
        rng = np.random.default_rng(0)
        made: dict[str, Array] = {}
        for spec in inputs:
            (length,) = spec.shape
            drawn = rng.integers(1, max(1, int(spec.high)) + 1, (count, length))
            lengths = -(-np.arange(1, count + 1) * length // count)
            made[spec.name] = np.where(np.arange(length) >= length - lengths[:, None], drawn, 0).astype(np.int32)
        return made

    def statistics(self, inputs: Specs) -> Mapping[str, Statistic]:
        """Return how many items a history has, and how frequent they are.

        Args:
            inputs: of the network.
        """
        history = next(spec for spec in inputs if spec.name == HISTORY)

        def popularity(rows: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(rows.sum(axis=1) / np.maximum(1, _count(rows)) / history.high, np.float64)

        return {
            "items of a history": Statistic(HISTORY, 0.0, float(history.shape[0]), _count),
            "mean row of a history's items": Statistic(HISTORY, 0.0, 1.0, popularity),
        }

    def describe(self, inputs: Specs) -> str:
        """Say how many items of a history count, and how many there are."""
        history = next(spec for spec in inputs if spec.name == HISTORY)
        return f"a history, of which the newest {history.shape[0]} items count, each one of {history.high:,.0f}"


def _count(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((rows > 0).sum(axis=1), np.float64)
