"""Truncated singular value decomposition of a matrix of weights.

Of a dense layer (Denton et al. 2014, arXiv:1404.0736), and of a convolution as the matrix of its filters: a convolution
with fewer filters, then one of single pixels (Zhang et al. 2016, arXiv:1505.06798).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer
from tasks.compression.lowrank.decomposition import Decomposition, Matrix, Positions, Ranks
from tasks.compression.replacement import Replacement, inner, last, pointwise


class Svd(Decomposition):
    """``kernel ≈ first · second``: ``[…, in, rank]`` and ``[rank, out]``."""

    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """Weights of each output as a column."""
        return (kernel.reshape(-1, kernel.shape[-1]),)

    def shapes(self, ranks: Ranks) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of both factors."""
        return (*self.kernel.shape[:-1], ranks[0]), (ranks[0], self.kernel.shape[-1])

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """Both factors work where the output is."""
        return self.parameters(ranks) * positions.after

    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """Return the product of the factors."""
        first, second = self._factors(ranks)
        return (first @ second).reshape(self.kernel.shape)

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """The first factor keeps size, strides, padding and dilation."""
        return two_layers(layer, *self._factors(ranks))

    def _factors(self, ranks: Ranks) -> tuple[Matrix, Matrix]:
        first, second = split(self.unfoldings[0], ranks[0])
        return self.unweighted(first.reshape(*self.kernel.shape[:-1], -1)).reshape(first.shape), second


def two_layers(layer: KerasLayer, first: Matrix, second: Matrix, **changes: Any) -> Replacement:
    """Return a pair of layers for the factors of a layer's kernel.

    Args:
        layer: whose place they take.
        first: ``[… · in, rank]``.
        second: ``[rank, out]``.
        changes: of the second layer's configuration.
    """
    begin = inner(layer, "in", first.reshape(*layer.kernel.shape[:-1], -1))
    dense = len(layer.kernel.shape) == 2
    if not dense:
        second, changes = second[None, None], {**pointwise(), **changes}
    end = last(layer, "out", second, **changes)
    return Replacement(((begin, end),), {begin.layer.name: first.shape[1]})


def split(matrix: Array, rank: int) -> tuple[Matrix, Matrix]:
    """Return the best factors of a rank (Eckart and Young 1936), each with the roots of the singular values.

    Sharing them out evenly leaves both factors with the same norm, which is best for training and for few bits.

    Args:
        matrix: of any size.
        rank: of the factors.
    """
    left, spectrum, right = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(spectrum[:rank])
    return left[:, :rank] * root, root[:, None] * right[:rank]
