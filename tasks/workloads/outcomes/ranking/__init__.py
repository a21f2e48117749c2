"""A ranking: a network gives a score for each item, and those with the largest are named."""

from collections.abc import Mapping, Sequence

from tasks.errors import UnfitError
from tasks.samples import Dataset, TensorSpec
from tasks.workloads.outcomes.ranking.targets import target_of


class Ranking:
    """Targets are items to be found and items that are known, see :mod:`.targets`; outputs float32 ``[n, items]``."""

    name = "ranking"
    target: TensorSpec = target_of(1, 1)  # a data set's own says how many items there are
    files: frozenset[str] = frozenset()
    learning = "tasks.workloads.outcomes.ranking.learning:RankingLearning"
    measuring = "tasks.workloads.outcomes.ranking.measuring:RankingMeasuring"

    def outputs(self, dataset: Dataset) -> int:
        """Return one score for each item."""
        return int(dataset.target.high)

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - items are no classes
        """Return none."""
        return ()

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        """Return nothing that counts: what is to be found is made of the sample itself."""
        if not labels:
            raise UnfitError("Expected samples. Received: none.")
        return dict.fromkeys(labels, 0.0)
