"""The part that all ways to write a layer as factors have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer
from tasks.compression.lowrank.moments import roots
from tasks.compression.lowrank.vbmf import rank_by_noise
from tasks.compression.replacement import Replacement

Ranks = tuple[int, ...]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Positions:
    """Numbers of positions of an image (1 for a dense layer) at which a layer reads its input and gives its output."""

    rows_in: int = 1
    columns_in: int = 1
    rows_out: int = 1
    columns_out: int = 1

    @property
    def before(self) -> int:
        """Return where the input is."""
        return self.rows_in * self.columns_in

    @property
    def after(self) -> int:
        """Return where the output is."""
        return self.rows_out * self.columns_out


class Decomposition(ABC):
    """One layer's kernel, ready to be cut to a rank.

    Args:
        kernel: as Keras has it: dense ``[in, out]``, convolutions ``[rows, columns, in, out]``.
        moments: second moments ``[in, in]`` of the inputs, by which errors count; None: all inputs count alike.
    """

    def __init__(self, kernel: Array, moments: Matrix | None = None) -> None:
        self.kernel = kernel.astype(np.float64)
        self._root: Matrix | None = None
        self._inverse: Matrix | None = None
        if moments is not None:
            self._root, self._inverse = roots(moments)
        self.weighted = self.kernel if self._root is None else _over_inputs(self._root, self.kernel)
        self.unfoldings = self.unfold(self.weighted)
        self.spectra = tuple(np.linalg.svd(matrix, compute_uv=False) for matrix in self.unfoldings)

    @property
    def full(self) -> Ranks:
        """The ranks at which nothing is lost, if ranks are nested."""
        return tuple(len(spectrum) for spectrum in self.spectra)

    def by_energy(self, keep: float) -> Ranks:
        """Return the least ranks that keep at least this fraction of the (weighted) kernel's squared norm.

        Where several ranks are chosen, what may be lost is shared out among them: the squared error of a truncated
        higher-order SVD is at most the sum of what each unfolding loses (De Lathauwer et al. 2000).

        Args:
            keep: the fraction.
        """
        lost = (1.0 - keep) / len(self.spectra)
        return tuple(rank_by_energy(spectrum, 1.0 - lost) for spectrum in self.spectra)

    def error(self, ranks: Ranks) -> float:
        """Return the relative error of the kernel: norm of the difference by norm.

        Args:
            ranks: of the factors.
        """
        norm = float(np.linalg.norm(self.kernel))
        return float(np.linalg.norm(self.kernel - self.reconstruct(ranks))) / norm if norm else 0.0

    def kept(self, ranks: Ranks) -> float:
        """Return the fraction of the (weighted) kernel's squared norm that is left.

        Args:
            ranks: of the factors.
        """
        lost = self.kernel - self.reconstruct(ranks)
        if self._root is not None:
            lost = _over_inputs(self._root, lost)
        norm = float(np.sum(self.weighted**2))
        return 1.0 - float(np.sum(lost**2)) / norm if norm else 1.0

    def unweighted(self, factor: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor ``[…, in, rank]`` that takes the inputs as they are, from the one of the weighted kernel.

        Args:
            factor: ``[…, in, rank]``.
        """
        return factor if self._inverse is None else _over_inputs(self._inverse, factor)

    def by_noise(self) -> Ranks:
        """Return the ranks of what stands out of the noise; see :mod:`tasks.compression.lowrank.vbmf`.

        Of the kernel as it is: weighted noise would no longer be the same in all directions.
        """
        return tuple(max(1, rank_by_noise(matrix)) for matrix in self.unfold(self.kernel))

    @classmethod
    def unsuited(cls, layer: KerasLayer) -> str:
        """Return what about a layer this way cannot do; empty where there is nothing.

        Args:
            layer: of the kind that it is for.
        """
        del layer
        return ""

    @abstractmethod
    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """Return the unfoldings of a kernel whose ranks are chosen.

        Args:
            kernel: of the layer, or the weighted one.
        """

    @abstractmethod
    def shapes(self, ranks: Ranks) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the factors' kernels.

        Args:
            ranks: of the factors.
        """

    @abstractmethod
    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """Return the multiplications of one image.

        Args:
            ranks: of the factors.
            positions: of the layer's input and output.
        """

    def macs_whole(self, positions: Positions) -> int:
        """Return the multiplications of one image by the kernel as it is.

        Args:
            positions: of the layer's input and output.
        """
        return int(self.kernel.size) * positions.after

    @abstractmethod
    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """Return the kernel of which the factors are the exact ones.

        Args:
            ranks: of the factors.
        """

    @abstractmethod
    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """Return the factors as layers, with the bias and the activation of the whole one in the last of them.

        Args:
            layer: whose place they take.
            ranks: of the factors.
        """

    def parameters(self, ranks: Ranks) -> int:
        """Return the number of weights of the factors, biases apart.

        Args:
            ranks: of the factors.
        """
        return sum(int(np.prod(shape)) for shape in self.shapes(ranks))

    def loaded(self, ranks: Ranks) -> int:
        """Return the number of weights that the runtime holds in memory.

        Args:
            ranks: of the factors.
        """
        return self.parameters(ranks)


def _over_inputs(matrix: Matrix, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("ij,...jo->...io", matrix, kernel))


def rank_by_energy(spectrum: Array, keep: float) -> int:
    """Return the least number of leading singular values whose squares are at least ``keep`` of all; at least 1.

    Args:
        spectrum: singular values, falling.
        keep: fraction of the sum of squares.
    """
    energy = np.cumsum(spectrum**2)
    if not energy[-1]:
        return 1
    # rounding in the sum must not ask for one more
    return int(np.searchsorted(energy, (keep - 1e-12) * energy[-1])) + 1
