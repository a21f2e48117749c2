"""Canonical polyadic decomposition of a convolution (Lebedev et al. 2015, arXiv:1412.6553), through tensorly.

The paper takes a kernel's rows and columns as two modes, which gives two depthwise convolutions; here they are one,
which gives one: a layer less, a better fit at the same rank, and strides, padding and dilation that need no care.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, keras
from tasks.compression.lowrank.decomposition import Decomposition, Matrix, Positions, Ranks
from tasks.compression.replacement import Factor, Replacement, inner, last, pointwise

ITERATIONS = 60  # of alternating least squares, at most
TOLERANCE = 1e-5
RIDGE = 1e-7  # of the least squares, for a kernel of norm 1: components that cancel each other do not grow without end
SEED = 1  # of the components beyond a mode's size


class Cp(Decomposition):
    """1 × 1 to as many channels as the rank, one filter of the kernel's size for each of them, and 1 × 1 again."""

    def __init__(self, kernel: Array, moments: Matrix | None = None) -> None:
        super().__init__(kernel, moments)
        self._cuts: dict[int, tuple[Matrix, Matrix, Matrix]] = {}

    @classmethod
    def unsuited(cls, layer: KerasLayer) -> str:
        """Depthwise convolutions have the same stride in both directions."""
        return "" if len(set(layer.strides)) == 1 else f"strides of {layer.strides}"

    @property
    def full(self) -> Ranks:
        """A rank at which every kernel of this shape can be written."""
        positions, inputs, outputs = self._modes().shape
        return (min(positions * inputs, positions * outputs, inputs * outputs),)

    def by_energy(self, keep: float) -> Ranks:
        """The least rank whose fit keeps the energy; ranks are not nested, so that each is fitted anew.

        Searched below the rank at which the layer would grow, which is given where none does.
        """
        low, high = 1, int(-(-self.kernel.size // self.parameters((1,))))
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.kept((middle,)) >= keep else (middle + 1, high)
        return (low,)

    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """Unfold the kernel over input and over output channels: the rank is at least that of each."""
        return tuple(np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1) for axis in (2, 3))

    def by_noise(self) -> Ranks:
        """The greater of both."""
        return (max(super().by_noise()),)

    def shapes(self, ranks: Ranks) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the three factors."""
        rows, columns, inputs, outputs = self.kernel.shape
        return (inputs, ranks[0]), (rows, columns, ranks[0]), (ranks[0], outputs)

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """The first factor works where the input is, the others where the output is."""
        first = int(np.prod(self.shapes(ranks)[0]))
        return first * positions.before + (self.parameters(ranks) - first) * positions.after

    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """The sum of the components."""
        filters, first, second = self._cut(ranks)
        return np.asarray(np.einsum("kr,ir,or->kio", filters, first, second)).reshape(self.kernel.shape)

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """The depthwise factor keeps size, strides, padding and dilation."""
        filters, first, second = self._cut(ranks)
        rows, columns = self.kernel.shape[:2]
        begin = inner(layer, "in", first[None, None], **pointwise())
        core = keras().layers.DepthwiseConv2D(
            (rows, columns),
            strides=layer.strides,
            padding=layer.padding,
            dilation_rate=layer.dilation_rate,
            use_bias=False,
            name=f"{layer.name}_core",
            trainable=layer.trainable,
        )
        weights = filters.reshape(rows, columns, -1, 1).astype(np.float32)
        end = last(layer, "out", second.T[None, None], **pointwise())
        return Replacement(((begin, Factor(core, (weights,)), end),), {begin.layer.name: ranks[0]})

    def _modes(self) -> NDArray[np.float64]:
        rows, columns, inputs, outputs = self.kernel.shape
        return self.weighted.reshape(rows * columns, inputs, outputs)

    def _cut(self, ranks: Ranks) -> tuple[Matrix, Matrix, Matrix]:
        if ranks[0] not in self._cuts:
            filters, first, second = components(self._modes(), ranks[0])
            self._cuts[ranks[0]] = filters, self.unweighted(first), second
        return self._cuts[ranks[0]]


def components(tensor: NDArray[np.float64], rank: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the factors ``[size, rank]`` of the three modes, the size of each component shared out evenly.

    Args:
        tensor: ``[positions, in, out]``.
        rank: number of components.
    """
    from tensorly.decomposition import parafac

    norm = float(np.linalg.norm(tensor)) or 1.0
    with warnings.catch_warnings():
        # more components than a mode has entries: tensorly says so, and begins with random ones for the rest
        warnings.filterwarnings("ignore", message="Trying to compute SVD", category=UserWarning)
        _, factors = parafac(tensor / norm, rank, n_iter_max=ITERATIONS, tol=TOLERANCE, l2_reg=RIDGE, random_state=SEED)
    sizes = np.array([np.linalg.norm(factor, axis=0) for factor in factors])
    even = np.prod(sizes * norm ** (1 / 3), axis=0) ** (1 / 3)
    scaled = [factor * (even / np.maximum(size, 1e-30)) for factor, size in zip(factors, sizes, strict=True)]
    return scaled[0], scaled[1], scaled[2]
