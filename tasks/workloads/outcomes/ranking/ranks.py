"""Figures of each sample: how well scores rank the items to be found.

Items that a user knows already are not ranked. Equal scores are ranked in the order of rows, as a device does it, so
that a model of few bits, which gives many equal scores, is judged by what it answers.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array

CUTOFF = 10  # answers that count
NEGATIVES = 99  # items beside one to be found, where not all are ranked (He et al. 2017, arXiv:1708.05031)
FIGURES = ("ndcg", "hit_rate", "recall", "sampled_ndcg", "sampled_hit_rate")
GAINS = 1 / np.log2(np.arange(2, CUTOFF + 2))


def figures(scores: Array, target: Array) -> NDArray[np.float32]:
    """Return the figures of one sample, float32 ``[5]`` as in :data:`FIGURES`, and behind them the ten first rows.

    NDCG is that of K. Järvelin and J. Kekäläinen, ACM TOIS 20 (2002), 422-446, with gains of 0 and 1. The hit rate is 1
    where any item to be found is among the first ten, and recall is the fraction of them that is. The sampled figures
    rank each item to be found among 99 others that the user does not have, drawn from a seed of the target alone.

    Args:
        scores: of the items, ``[items]``.
        target: as :mod:`.targets` has it, ``[room]``.
    """
    items = len(scores)
    wanted, banned = target[(target > 0) & (target <= items)] - 1, -target[(target < 0) & (target >= -items)] - 1
    unknown = int((target == -(items + 1)).sum())
    shown = np.asarray(scores, np.float64).copy()
    shown[banned] = -np.inf
    order = np.argsort(-shown, kind="stable")[: min(CUTOFF, items - len(banned))]
    hits = np.isin(order, wanted)
    made = np.zeros(len(FIGURES) + CUTOFF, np.float32)
    count = len(wanted) + unknown
    if count:
        ideal = GAINS[: min(count, CUTOFF)].sum()
        made[:3] = min(1.0, GAINS[: len(order)][hits].sum() / ideal), float(hits.any()), hits.sum() / count
        made[3:5] = _sampled(shown, wanted, target, count)
    made[len(FIGURES) : len(FIGURES) + len(order)] = order + 1
    return made


def _sampled(shown: NDArray[np.float64], wanted: Array, target: Array, count: int) -> tuple[float, float]:
    """Return NDCG and the hit rate among 99 others, the mean over the items to be found."""
    if not len(wanted):
        return 0.0, 0.0
    usable = np.isfinite(shown)
    usable[wanted] = False
    others = np.flatnonzero(usable)
    seed = zlib.crc32(np.ascontiguousarray(np.trim_zeros(target, "b"), "<i4").tobytes())
    drawn = np.random.default_rng(seed).permutation(others)[:NEGATIVES]
    gains, found = 0.0, 0.0
    for item in wanted:
        ahead = int((shown[drawn] > shown[item]).sum() + ((shown[drawn] == shown[item]) & (drawn < item)).sum())
        if ahead < CUTOFF:
            gains, found = gains + GAINS[ahead], found + 1
    return gains / count, found / count


def figures_of(scores: Array, targets: Array) -> NDArray[np.float32]:
    """Return the figures of samples, float32 ``[n, 15]``; see :func:`figures`.

    Args:
        scores: ``[n, items]``.
        targets: ``[n, room]``.
    """
    made: list[Any] = [figures(*pair) for pair in zip(scores, targets, strict=True)]
    return np.array(made, np.float32).reshape(len(targets), len(FIGURES) + CUTOFF)


def popularity(items: int, targets: Array) -> NDArray[np.float32]:
    """Return the figures of the answer that is the same for everybody: the most frequent items, in that order.

    Args:
        items: how many there are; their rows are in the order of how often they are.
        targets: ``[n, room]``.
    """
    scores = -np.arange(items, dtype=np.float64)
    return figures_of(np.broadcast_to(scores, (len(targets), items)), targets)
