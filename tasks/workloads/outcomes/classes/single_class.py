"""A figure of one class alone: its precision, recall or F1, for rules about a class that matters most.

Its name is part of the figure's: ``f1 of spam``.
"""

import numpy as np

from tasks.errors import ConfigError
from tasks.records import Interval
from tasks.samples import Dataset
from tasks.workloads.metric import Answers, Metric
from tasks.workloads.outcomes.classes.answers import top
from tasks.workloads.outcomes.classes.metrics import MacroAverage

MOST_NAMED = 20  # classes in a sentence


class OfClass(Metric):
    """Precision, recall or F1 of one class; its interval is exact, see :mod:`tasks.statistics.single_class`."""

    def __init__(self, average: MacroAverage, index: int, class_name: str) -> None:
        """Take the figure of a class out of an average.

        Args:
            average: the metric whose figure it is.
            index: of the class.
            class_name: as the data has it.
        """
        self.kind, self.index, self.class_name = average.kind, index, class_name
        self.name = f"{average.name} of {class_name}"  # type: ignore[misc]
        self.label = f"{average.noun} of {class_name}"  # type: ignore[misc]

    @property
    def noun(self) -> str:
        """The name within a sentence."""
        return self.label

    def value(self, answers: Answers) -> float:
        """Return the figure; 0 of a class without samples."""
        return self.interval(answers).value

    def interval(self, answers: Answers, confidence: float = 0.95) -> Interval:
        """Return Clopper and Pearson's interval; see :func:`tasks.statistics.class_interval`."""
        from tasks.statistics import class_interval

        return class_interval(answers.targets, top(answers), of=self.index, metric=self.kind, confidence=confidence)

    def difference(self, mine: Answers, theirs: Answers, confidence: float = 0.95) -> Interval:
        """Return the interval of a paired difference; see :func:`tasks.statistics.paired_class`."""
        from tasks.statistics import paired_class

        said = top(mine), top(theirs)
        return paired_class(mine.targets, *said, of=self.index, metric=self.kind, confidence=confidence)

    def constant(self, answers: Answers) -> float:
        """Return that of the answer which is always this class: recall 1, precision its share, F1 from both."""
        share = float(np.mean(answers.targets == self.index))
        return {"recall": 1.0, "precision": share, "f1": 2 * share / (1 + share)}[self.kind]

    def counted(self, answers: Answers, split: str) -> str:
        """Return how many samples there are, and how many of the class."""
        found = int(np.sum(answers.targets == self.index))
        return f"{super().counted(answers, split)}, of which {found:,} are of the class"


def metric_of_class(average: Metric, class_name: str, dataset: Dataset) -> Metric:
    """Return the figure of one class.

    Args:
        average: the metric whose figure it is.
        class_name: as the data has it.
        dataset: what was prepared.

    Raises:
        ConfigError: the data has no such class.
    """
    if class_name not in dataset.classes or not isinstance(average, MacroAverage):
        names = ", ".join(map(repr, dataset.classes[:MOST_NAMED])) + (" …" if dataset.classes[MOST_NAMED:] else "")
        raise ConfigError(
            f"Expected of in {{metric: {average.name}, of: {class_name}}} of gate.rules to be a class of the data: "
            f"{names}. Received: {class_name!r}. Mend params.yaml."
        )
    return OfClass(average, dataset.classes.index(class_name), class_name)
