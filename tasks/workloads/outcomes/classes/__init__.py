"""One of several classes: a network gives a logit for each, and the largest is the answer."""

from collections.abc import Mapping, Sequence

from tasks.errors import UnfitError
from tasks.samples import Dataset, TensorSpec
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tasks.workloads.protocol import OutcomeSettings


class Classes:
    """Targets are the numbers of classes, int64 ``[n]``; outputs are logits, float32 ``[n, classes]``."""

    name = "classes"
    target = TensorSpec(name="label", dtype="int64", shape=(), low=0, high=2**31 - 1)
    files: frozenset[str] = frozenset({"labels.json"})
    settings: type[OutcomeSettings] = ClassesSettings
    learning = "tasks.workloads.outcomes.classes.learning:ClassesLearning"
    measuring = "tasks.workloads.outcomes.classes.measuring:ClassesMeasuring"

    def outputs(self, dataset: Dataset) -> int:
        """Return one logit for each class."""
        return len(dataset.classes)

    def classes(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the labels: each is a class."""
        return tuple(labels)

    def targets(self, labels: Sequence[str]) -> Mapping[str, float]:
        """Return the number of each class; nothing is learnt from a single one."""
        if len(labels) < 2:
            raise UnfitError(f"Expected at least two classes. Received: {', '.join(labels) or 'none'}.")
        return {label: number for number, label in enumerate(labels)}
