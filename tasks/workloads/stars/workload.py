"""Predicted ratings as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.samples import Specs
from tasks.workloads.outcomes.numbers import Numbers
from tasks.workloads.ratings.settings import HISTORY, USER, RatingsAugmentation
from tasks.workloads.ratings.workload import Ratings
from tasks.workloads.stars.settings import STARS, StarsSettings
from tasks.workloads.statistics import Statistic


class Stars:
    """Tables of who rated what, and how; models take a history's items with their ratings, and predict others."""

    name = "stars"
    thing = "history"
    things = "histories"
    meaning: Mapping[str, str] = MappingProxyType(
        {
            HISTORY: "[batch, items], rows of the table of items, from old to new; 0 before the first of a short one",
            STARS: "[batch, items], how these items were rated; 0 before the first",
            USER: "[batch, 1], row of the table of users; 0: nobody who is known",
        }
    )
    settings = StarsSettings
    augmentation = RatingsAugmentation
    outcome = Numbers()
    first_params: Sequence[str] = (
        "data.source=planted",
        "training.model=asymmetric_svd",
        "training.epochs=30",
        "training.batch_size=64",
        "training.learning_rate=0.005",
        "training.schedule=cosine",
        *(f"~recipes.{name}" for name in ("qat_int8", "pruned_int8", "control", "clustered_int8", "float16", "int8")),
        "recipes.int4=[{technique: quantize, mode: int4}]",
        "gate.rules=[{metric: rmse, margin: 0.02, versus: [baseline, production]}]",
    )
    reading = "tasks.workloads.stars.reading:StarsReading"
    learning = "tasks.workloads.stars.learning:StarsLearning"

    def noise(self, inputs: Specs, count: int) -> Mapping[str, Array]:
        """Make up histories of random items, from short to long, rated at random."""
        by_name = {spec.name: spec for spec in inputs}
        stars = by_name[STARS]
        made = dict(Ratings().noise(tuple(spec for spec in inputs if spec.name != STARS), count))
        drawn = np.random.default_rng(1).uniform(stars.low, stars.high, (count, *stars.shape))
        made[STARS] = np.where(made[HISTORY] > 0, drawn, 0).astype(np.float32)
        return made

    def statistics(self, inputs: Specs) -> Mapping[str, Statistic]:
        """Return how many items a history has, how frequent they are, and their mean rating.

        Args:
            inputs: of the network.
        """
        stars = next(spec for spec in inputs if spec.name == STARS)

        def mean(ratings: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(ratings.sum(axis=1) / np.maximum(1, (ratings != 0).sum(axis=1)), np.float64)

        return {
            **Ratings().statistics(inputs),
            "mean rating of a history": Statistic(STARS, stars.low, stars.high, mean),
        }

    def describe(self, inputs: Specs) -> str:
        """Say how many items of a history count, and how many there are."""
        return f"{Ratings().describe(inputs)}, with its rating"
