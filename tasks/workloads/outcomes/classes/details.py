"""Details of a quality record beside the metrics: each class's figures, and the confusions."""

import numpy as np

from tasks.records import Record
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.classes.answers import confusion_matrix, top


class ClassQuality(Record):
    """Quality for one class."""

    precision: float
    recall: float
    f1: float
    support: int  # samples that are of this class


class ClassesDetails(Record):
    """Quality by class, and for how many samples a model gives the baseline's answer."""

    agreement: float | None  # top-1; None for the baseline itself
    per_class: dict[str, ClassQuality]
    confusion: tuple[tuple[int, ...], ...]  # rows: true class, columns: answer


def measure_details(answers: Answers, baseline: Answers | None, names: tuple[str, ...]) -> ClassesDetails:
    """Return what was answered, class by class; 0 / 0 counts as 0.

    Args:
        answers: the model's.
        baseline: the baseline's to the same samples; None for the baseline itself.
        names: of the classes.
    """
    from tasks.statistics import macro

    table = confusion_matrix(answers)
    hits = table.diagonal().astype(np.float64)
    answered, support = table.sum(axis=0).astype(np.float64), table.sum(axis=1).astype(np.float64)
    per_class = [
        ClassQuality(
            precision=float(macro(hits[[k]], answered[[k]], support[[k]], "precision")),
            recall=float(macro(hits[[k]], answered[[k]], support[[k]], "recall")),
            f1=float(macro(hits[[k]], answered[[k]], support[[k]], "f1")),
            support=int(support[k]),
        )
        for k in range(len(names))
    ]
    return ClassesDetails(
        agreement=None if baseline is None else float(np.mean(top(answers) == top(baseline))),
        per_class=dict(zip(names, per_class, strict=True)),
        confusion=tuple(tuple(int(count) for count in row) for row in table),
    )
