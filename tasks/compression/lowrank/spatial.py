"""A convolution as a vertical and a horizontal one (scheme 2 of Jaderberg et al. 2014, arXiv:1405.3866)."""

import numpy as np
from numpy.typing import NDArray

from tasks.backend import KerasLayer
from tasks.compression.lowrank.decomposition import Decomposition, Matrix, Positions, Ranks
from tasks.compression.lowrank.svd import split
from tasks.compression.replacement import Replacement, inner, last


class Spatial(Decomposition):
    """``rows × 1`` to as many channels as the rank, then ``1 × columns``."""

    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """Rows and inputs by columns and outputs."""
        rows, columns, inputs, outputs = kernel.shape
        return (kernel.transpose(0, 2, 1, 3).reshape(rows * inputs, columns * outputs),)

    def shapes(self, ranks: Ranks) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of both factors."""
        rows, columns, inputs, outputs = self.kernel.shape
        return (rows, 1, inputs, ranks[0]), (1, columns, ranks[0], outputs)

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """The vertical factor gives the output's rows and the input's columns."""
        vertical, horizontal = (int(np.prod(shape)) for shape in self.shapes(ranks))
        return vertical * positions.rows_out * positions.columns_in + horizontal * positions.after

    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """Return the product of the factors."""
        vertical, horizontal = self._factors(ranks)
        return np.asarray(np.einsum("hip,wpo->hwio", vertical[:, 0], horizontal[0]))

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """Each factor keeps strides and dilation of its own direction."""
        vertical, horizontal = self._factors(ranks)
        begin = inner(layer, "rows", vertical, **_direction(layer, 0))
        end = last(layer, "columns", horizontal, **_direction(layer, 1))
        return Replacement(((begin, end),), {begin.layer.name: ranks[0]})

    def _factors(self, ranks: Ranks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first, second = split(self.unfoldings[0], ranks[0])
        rows, columns, inputs, outputs = self.kernel.shape
        vertical = self.unweighted(first.reshape(rows, 1, inputs, -1))
        return vertical, second.reshape(-1, columns, outputs).transpose(1, 0, 2)[None]


def _direction(layer: KerasLayer, axis: int) -> dict[str, tuple[int, int]]:
    """Return what a convolution does in one of the two directions, and nothing in the other."""
    settings = {name: getattr(layer, name)[axis] for name in ("kernel_size", "strides", "dilation_rate")}
    return {name: (value, 1) if axis == 0 else (1, value) for name, value in settings.items()}
