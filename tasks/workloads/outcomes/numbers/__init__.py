"""Numbers that are predicted of items: a network gives one for each item, and some of them are known."""

from collections.abc import Mapping, Sequence

from tasks.errors import UnfitError
from tasks.samples import Dataset, TensorSpec
from tasks.workloads.outcomes.numbers.targets import outputs_of, target_of


class Numbers:
    """Targets are the numbers of some items, see :mod:`.targets`; outputs float32 ``[n, 1 + items]``."""

    name = "numbers"
    target: TensorSpec = target_of(1, 1)  # a data set's own says how many items there are
    files: frozenset[str] = frozenset()
    learning = "tasks.workloads.outcomes.numbers.learning:NumbersLearning"
    measuring = "tasks.workloads.outcomes.numbers.measuring:NumbersMeasuring"

    def outputs(self, dataset: Dataset) -> int:
        """Return one number for each item, and one for those that are not known."""
        return outputs_of(dataset.target)

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - items are no classes
        """Return none."""
        return ()

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        """Return nothing that counts: what is to be predicted is made of the sample itself."""
        if not labels:
            raise UnfitError("Expected samples. Received: none.")
        return dict.fromkeys(labels, 0.0)
