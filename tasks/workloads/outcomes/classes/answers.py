"""Outputs as answers: the class of the largest logit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.workloads.metric import Answers

Labels = NDArray[np.int64]


def top(answers: Answers) -> Labels:
    """Return the class with the highest score of each sample, ``[n]``; the first one of equals.

    Args:
        answers: of a model.
    """
    return answers.outputs.argmax(axis=-1).astype(np.int64) if answers.outputs.size else answers.targets


def right(answers: Answers) -> NDArray[np.bool_]:
    """Return which samples got their true class.

    Args:
        answers: of a model.
    """
    return np.asarray(top(answers) == answers.targets)


def classes_of(answers: Answers) -> int:
    """Return how many classes there are.

    Args:
        answers: of a model.
    """
    return int(answers.outputs.shape[-1])


def always(index: int, answers: Answers) -> Answers:
    """Return what a model gives that answers all these samples with one class.

    Args:
        index: of the class.
        answers: whose targets and number of classes count.
    """
    outputs: NDArray[Any] = np.zeros((len(answers), classes_of(answers)), np.float32)
    outputs[:, index] = 1
    return Answers(outputs, answers.targets)


def confusion_matrix(answers: Answers) -> NDArray[np.int64]:
    """Return how often each class (rows) was given each answer (columns): int64 ``[classes, classes]``.

    Args:
        answers: of a model.
    """
    classes = classes_of(answers)
    cells = np.bincount(answers.targets * classes + top(answers), minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)
