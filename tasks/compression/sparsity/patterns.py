"""Choose the weights that stay, the best by their scores: one by one, in groups of inputs, or in blocks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.compression.technique import Allocation
from tasks.settings import form

PATTERN = form(
    r"^(single|[1-9]\d?:[1-9]\d?|[1-9]\d?x[1-9]\d?)$", "single, n:m as in 2:4, or blocks of inputs x outputs as in 4x1"
)

Scores = Mapping[str, Array]  # by the path of the weight; the higher, the more needed


@dataclass(frozen=True)
class Pattern:
    """The weights that are kept or removed together.

    ``single``: each weight by itself. ``n:m``: of ``m`` consecutive inputs of an output ``n`` stay. ``block``: ``n``
    inputs by ``m`` outputs go together.
    """

    kind: Literal["single", "n:m", "block"]
    n: int = 1
    m: int = 1


def parse_pattern(text: str) -> Pattern:
    """Return ``single``, ``2:4`` or ``4x1`` as a pattern.

    Args:
        text: that fits :data:`PATTERN`.
    """
    if text == "single":
        return Pattern("single")
    first, second = (int(number) for number in re.split("[:x]", text))
    return Pattern("n:m" if ":" in text else "block", first, second)


def choose(scores: Scores, sparsity: float, pattern: Pattern, allocation: Allocation) -> dict[str, NDArray[np.bool_]]:
    """Masks of the weights that stay.

    Args:
        scores: kernels' scores, ``[…, inputs, outputs]``.
        sparsity: fraction of the units to remove; ``n:m`` has its own.
        pattern: what a unit is.
        allocation: whether the sparsity is that of each layer or of all together, where a layer keeps its best unit at
            least, or nothing would come through it.

    Returns:
        True where a weight stays, in the shape of each kernel.
    """
    if pattern.kind == "n:m":
        return {name: best_of_groups(score, pattern.n, pattern.m) for name, score in scores.items()}
    units = {name: _pool(score, pattern) for name, score in scores.items()}
    if allocation == "uniform":
        chosen = {name: _best(unit.ravel(), _stay(unit.size, sparsity)) for name, unit in units.items()}
    else:
        together = np.concatenate([unit.ravel() for unit in units.values()])
        stay = _best(together, _stay(together.size, sparsity))
        ends = np.cumsum([unit.size for unit in units.values()])[:-1]
        chosen = dict(zip(units, np.split(stay, ends), strict=True))
        chosen = {name: stay | _best(units[name].ravel(), 1) for name, stay in chosen.items()}
    return {name: _spread(chosen[name].reshape(units[name].shape), scores[name].shape, pattern) for name in units}


def best_of_groups(score: Array, n: int, m: int) -> NDArray[np.bool_]:
    """Return the best ``n`` of each ``m`` consecutive inputs of an output; a last group may be smaller.

    Args:
        score: ``[…, inputs, outputs]``.
        n: that stay.
        m: of a group.
    """
    inputs_last = np.moveaxis(score, -2, -1)
    count = inputs_last.shape[-1]
    groups = _groups(inputs_last.astype(np.float64), m, -np.inf)
    best = np.argsort(-groups, axis=1, kind="stable")[:, :n]
    stay = np.zeros(groups.shape, bool)
    np.put_along_axis(stay, best, True, axis=1)
    return np.moveaxis(stay.reshape(*inputs_last.shape[:-1], -1)[..., :count], -1, -2)


def most_in_groups(stay: NDArray[np.bool_], m: int) -> int:
    """Return the most that stay of any ``m`` consecutive inputs.

    Args:
        stay: inputs last.
        m: of a group.
    """
    return int(_groups(stay, m, False).sum(axis=1).max())


def _groups(inputs_last: Array, m: int, filler: float) -> Array:
    padding = [(0, 0)] * (inputs_last.ndim - 1) + [(0, -inputs_last.shape[-1] % m)]
    return np.pad(inputs_last, padding, constant_values=filler).reshape(-1, m)


def _stay(count: int, sparsity: float) -> int:
    return max(1, round(count * (1 - sparsity)))


def _best(values: Array, count: int) -> NDArray[np.bool_]:
    stay = np.zeros(values.size, bool)
    stay[np.argsort(-values, kind="stable")[:count]] = True
    return stay


def _pool(score: Array, pattern: Pattern) -> Array:
    """Mean score of each block of the kernel as a matrix of inputs by outputs."""
    if pattern.kind == "single":
        return score
    matrix = score.reshape(-1, score.shape[-1])
    rows, columns = (range(0, matrix.shape[axis], size) for axis, size in enumerate((pattern.n, pattern.m)))
    sums = np.add.reduceat(np.add.reduceat(matrix, list(rows), axis=0), list(columns), axis=1)
    ones = np.ones_like(matrix)
    sizes = np.add.reduceat(np.add.reduceat(ones, list(rows), axis=0), list(columns), axis=1)
    pooled: Array = sums / sizes
    return pooled


def _spread(stay: NDArray[np.bool_], shape: tuple[int, ...], pattern: Pattern) -> NDArray[np.bool_]:
    if pattern.kind == "single":
        return stay.reshape(shape)
    matrix = np.repeat(np.repeat(stay, pattern.n, axis=0), pattern.m, axis=1)
    return matrix[: int(np.prod(shape[:-1])), : shape[-1]].reshape(shape)
