"""Choose decision thresholds of classes: offsets of the logits under which a metric is best on some samples.

The answer to a sample is the class with the largest sum of logit and offset. Of two classes that is a threshold of the
score: one is answered from ``1 / (1 + exp(offset of it − offset of the other))`` on. Macro F1 is no mean over samples,
so the class of the largest probability is not the best answer to it (Lipton, Elkan and Naryanaswamy 2014, Optimal
Thresholding of Classifiers to Maximize F1 Measure, ECML PKDD, arXiv:1402.1892).

The offsets are found class by class, those of the other classes held (coordinate ascent): as its offset rises, samples
go over to a class in the order of their margins, so that one sort gives the metric at every place where it changes.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Goal = Literal["accuracy", "f1"]
PASSES = 10
LEAST = 1e-9  # by which a metric must rise


def choose_offsets(outputs: NDArray[np.float32], targets: Numbers, goal: Goal) -> tuple[float, ...]:
    """Return the offsets of the classes; that of the first is 0.

    Args:
        outputs: logits ``[n, classes]``.
        targets: numbers of classes ``[n]``.
        goal: the metric.

    Returns:
        zeros where nothing is better than the largest logit.
    """
    classes = outputs.shape[1]
    logits, offsets = outputs.astype(np.float64), np.zeros(classes)
    if not len(targets):
        return tuple(offsets.tolist())
    best = _value(logits.argmax(axis=1), targets, classes, goal)
    for _ in range(PASSES):
        before = best
        for index in range(classes):
            offset, value = _best_of(index, logits + offsets, targets, goal)
            if value > best + LEAST:
                offsets[index] += offset
                best = value
        if best == before:
            break
    rounded = tuple(round(float(offset), 6) for offset in offsets - offsets[0])
    said = (logits + np.array(rounded)).argmax(axis=1)
    plain = _value(logits.argmax(axis=1), targets, classes, goal)
    return rounded if _value(said, targets, classes, goal) > plain + LEAST else (0.0,) * classes


def _best_of(index: int, logits: Floats, targets: Numbers, goal: Goal) -> tuple[float, float]:
    """Return by how much the offset of one class has to change, and the metric that this gives."""
    classes = logits.shape[1]
    others = logits.copy()
    others[:, index] = -np.inf
    else_said = others.argmax(axis=1)
    margins = logits[:, index] - others.max(axis=1)
    order = np.argsort(-margins, kind="stable")
    margins, else_said, truth = margins[order], else_said[order], targets[order]
    values = _values(index, else_said, truth, classes, goal)
    cuts = np.concatenate([[margins[0] + 2], (margins[:-1] + margins[1:]) / 2, [margins[-1] - 2]])
    # equal margins go over together
    apart = np.concatenate([[True], margins[:-1] > margins[1:], [True]])
    values = np.where(apart & np.isfinite(cuts), values, -np.inf)
    best = np.flatnonzero(values >= values.max() - LEAST)
    place = best[np.argmin(np.abs(cuts[best]))]  # the least change of equals
    return -float(cuts[place]), float(values[place])


def _values(index: int, else_said: Numbers, truth: Numbers, classes: int, goal: Goal) -> Floats:
    """Return the metric after 0 … n samples have gone over to a class, in their order: ``[n + 1]``."""
    n = len(truth)
    won = np.concatenate([[0.0], np.cumsum(truth == index)])
    lost = (truth == else_said).astype(np.float64)
    if goal == "accuracy":
        return np.asarray((won + lost.sum() - np.concatenate([[0.0], np.cumsum(lost)])) / n)
    support = np.bincount(truth, minlength=classes).astype(np.float64)
    # of each other class: what is left of its answers and of its hits, sample by sample, in a row of its own
    rows = np.argsort(else_said, kind="stable")
    of = else_said[rows]
    first = np.concatenate([[True], of[1:] != of[:-1]])
    starts = np.flatnonzero(first)[np.cumsum(first) - 1]
    gone = np.arange(n) - starts + 1.0
    hits = np.cumsum(lost[rows])
    gone_hits = hits - np.where(starts > 0, hits[starts - 1], 0.0)
    said = np.bincount(of, minlength=classes).astype(np.float64)
    found = np.bincount(of, lost[rows], classes).astype(np.float64)
    after = _f1(found[of] - gone_hits, said[of] - gone, support[of])
    before = _f1(found[of] - gone_hits + lost[rows], said[of] - gone + 1, support[of])
    change = np.zeros(n)
    change[rows] = after - before
    rest = _f1(found, said, support)
    rest[index] = 0.0
    own = _f1(won.astype(np.float64), np.arange(n + 1.0), float(support[index]))
    return np.asarray((own + rest.sum() + np.concatenate([[0.0], np.cumsum(change)])) / classes)


def _f1(hits: Floats, said: Floats, support: Floats | float) -> Floats:
    total = said + support
    return np.asarray(np.divide(2 * hits, total, out=np.zeros(np.shape(total)), where=total > 0))


def _value(said: Numbers, targets: Numbers, classes: int, goal: Goal) -> float:
    right = said == targets
    if goal == "accuracy":
        return float(right.mean())
    hits, answers, samples = (
        np.bincount(each, minlength=classes).astype(np.float64) for each in (said[right], said, targets)
    )
    return float(_f1(hits, answers, samples).mean())
