"""Tucker-2 decomposition of a convolution over its channels (Kim et al. 2016, arXiv:1511.06530), through tensorly."""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer
from tasks.compression.lowrank.decomposition import Decomposition, Matrix, Positions, Ranks
from tasks.compression.replacement import Factor, Replacement, inner, last, pointwise

IN, OUT = 2, 3  # axes of a kernel
ITERATIONS = 20  # of higher-order orthogonal iteration, at most; it ends when the fit hardly gets better
TOLERANCE = 1e-6


class Tucker(Decomposition):
    """A convolution of single pixels, the core with the kernel's size, and one of single pixels again.

    Where a side keeps all its channels its square factor is multiplied into the core, which leaves that layer out.
    """

    def __init__(self, kernel: Array, moments: Matrix | None = None) -> None:
        super().__init__(kernel, moments)
        self._cuts: dict[Ranks, tuple[Matrix, NDArray[np.float64], Matrix]] = {}

    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """Unfold the kernel over input and over output channels."""
        return tuple(np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1) for axis in (IN, OUT))

    def shapes(self, ranks: Ranks) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the factors that there are."""
        rows, columns, inputs, outputs = self.kernel.shape
        before = () if ranks[0] == inputs else ((inputs, ranks[0]),)
        after = () if ranks[1] == outputs else ((ranks[1], outputs),)
        return *before, (rows, columns, *ranks), *after

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """The first factor works where the input is, the others where the output is."""
        first = 0 if ranks[0] == self.kernel.shape[IN] else self.kernel.shape[IN] * ranks[0]
        return first * positions.before + (self.parameters(ranks) - first) * positions.after

    def _cut(self, ranks: Ranks) -> tuple[Matrix, NDArray[np.float64], Matrix]:
        if ranks not in self._cuts:
            first, core, second = tucker2(self.weighted, ranks)
            self._cuts[ranks] = self.unweighted(first), core, second
        return self._cuts[ranks]

    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """The product of core and factors."""
        first, core, second = self._cut(ranks)
        return np.asarray(np.einsum("ip,hwpq,qo->hwio", first, core, second))

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """The core keeps size, strides, padding and dilation: a padded zero stays one without a bias before it."""
        first, core, second = self._cut(ranks)
        if ranks[0] == len(first):
            core = np.einsum("ip,hwpq->hwiq", first, core)
        if ranks[1] == second.shape[1]:
            core = core @ second
        chain: list[Factor] = []
        if ranks[0] < len(first):
            chain.append(inner(layer, "in", first[None, None], **pointwise()))
        if ranks[1] < second.shape[1]:
            chain += [inner(layer, "core", core), last(layer, "out", second[None, None], **pointwise())]
        else:
            chain.append(last(layer, "core", core))
        return Replacement((tuple(chain),), {factor.layer.name: factor.weights[0].shape[-1] for factor in chain[:-1]})


def tucker2(kernel: Array, ranks: Ranks) -> tuple[Matrix, NDArray[np.float64], Matrix]:
    """Find factors over input and output channels, and what is between them.

    Args:
        kernel: ``[rows, columns, in, out]``.
        ranks: of input and output channels.

    Returns:
        ``[in, rank]``, ``[rows, columns, rank, rank]``, ``[rank, out]``; the squared norm is shared out evenly.
    """
    from tensorly.decomposition import partial_tucker

    (core, (first, second)), _ = partial_tucker(
        kernel.astype(np.float64), list(ranks), modes=[IN, OUT], n_iter_max=ITERATIONS, tol=TOLERANCE
    )
    # the factors come orthonormal, with all of the size in the core
    scale = max(float(np.linalg.norm(core)) * np.sqrt(ranks[0] * ranks[1]), 1e-12) ** (1 / 3)
    scales = [scale / np.sqrt(ranks[0]), scale / np.sqrt(ranks[1])]
    return first * scales[0], core / (scales[0] * scales[1]), second.T * scales[1]
