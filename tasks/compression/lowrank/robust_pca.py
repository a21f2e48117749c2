"""Low rank plus sparse: robust principal component analysis (Candès, Li, Ma and Wright 2011, Journal of the ACM 58).

Principal component pursuit, through tensorly, finds a matrix of low rank and one of few entries that add up to the
kernel. At the rank that is then chosen both are refitted in turn to what the other one leaves (Zhou and Tao 2011).
"""

import math

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.backend import KerasLayer, keras
from tasks.compression.lowrank.decomposition import Matrix, Positions, Ranks
from tasks.compression.lowrank.svd import Svd, split, two_layers
from tasks.compression.lowrank.vbmf import rank_by_noise
from tasks.compression.replacement import Factor, Replacement, inner

ITERATIONS = 300
SMALL = 1e-4  # of the largest entry: below it an entry of the sparse part is taken for zero
ROUNDS = 8
STORED_BITS = 8  # of a weight, beside which the positions of the sparse part's weights are counted


class RobustPca(Svd):
    """The factors of an SVD, and beside them a layer like the replaced one with few weights that are not zero.

    Both take the same input; their sum goes through the activation. The runtime loads and multiplies the sparse part's
    zeros too, so that this saves stored bytes alone: ``parameters`` are those of the factors, the sparse part's
    weights, and what their positions cost in units of a weight of 8 bits.
    """

    def __init__(self, kernel: Array, density: float | None = None) -> None:
        self.density = density
        self._cuts: dict[Ranks, tuple[Matrix, Matrix, Matrix]] = {}
        super().__init__(kernel)

    def unfold(self, kernel: NDArray[np.float64]) -> tuple[Matrix, ...]:
        """The part of low rank, whose rank is chosen."""
        (self.matrix,) = super().unfold(kernel)
        low, self.sparse = pursue(self.matrix)
        return (low,)

    def by_noise(self) -> Ranks:
        """Return the rank without spikes: the pursuit, which knows no noise, puts much of it into the sparse part.

        Spikes are what lies more than four standard deviations out, as the median tells them.
        """
        deviation = 1.4826 * float(np.median(np.abs(self.sparse)))
        spikes = np.where(np.abs(self.sparse) > 4 * deviation, self.sparse, 0.0)
        return (max(1, rank_by_noise(self.matrix - spikes)),)

    def parameters(self, ranks: Ranks) -> int:
        """Count parameters in units of a stored weight of 8 bits."""
        *_, sparse = self._cut(ranks)
        return super().parameters(ranks) + math.ceil(stored(sparse))

    def loaded(self, ranks: Ranks) -> int:
        """Return what the runtime holds in memory: the sparse part with its zeros."""
        return super().parameters(ranks) + self.matrix.size

    def macs(self, ranks: Ranks, positions: Positions) -> int:
        """Count multiplications, those by zero included, which usual runtimes do not leave out."""
        return self.loaded(ranks) * positions.after

    def reconstruct(self, ranks: Ranks) -> NDArray[np.float64]:
        """The sum of both parts."""
        first, second, sparse = self._cut(ranks)
        return (first @ second + sparse).reshape(self.kernel.shape)

    def replace(self, layer: KerasLayer, ranks: Ranks) -> Replacement:
        """Two chains, their sum, and the activation."""
        first, second, sparse = self._cut(ranks)
        low = two_layers(layer, first, second, activation="linear")
        beside = inner(layer, "sparse", sparse.reshape(self.kernel.shape))
        layers = keras().layers
        joint = [layers.Add(name=f"{layer.name}_sum")]
        activation = layer.get_config()["activation"]
        if activation != "linear":
            joint.append(layers.Activation(activation, name=f"{layer.name}_activation"))
        zeros = {beside.layer.name: _zeros(beside)}
        return Replacement((*low.chains, (beside,)), low.widths, tuple(joint), zeros)

    def _cut(self, ranks: Ranks) -> tuple[Matrix, Matrix, Matrix]:
        if ranks not in self._cuts:
            sparse = self.sparse
            for _ in range(ROUNDS):
                first, second = split(self.matrix - sparse, ranks[0])
                sparse = self._pick(self.matrix - first @ second)
            self._cuts[ranks] = first, second, sparse
        return self._cuts[ranks]

    def _pick(self, rest: Matrix) -> Matrix:
        """The entries where the pursuit had some, or as many of the largest as the density allows."""
        if self.density is None:
            return np.asarray(rest * (self.sparse != 0))
        count = round(self.density * rest.size)
        if not count:
            return np.zeros_like(rest)
        least = np.partition(np.abs(rest), rest.size - count, axis=None)[rest.size - count]
        return np.asarray(rest * (np.abs(rest) >= least))


def pursue(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return the parts of low rank and of few entries, which add up to a matrix.

    The paper weighs the entries by ``λ = 1/√max(m, n)``; tensorly counts the nuclear norm once for each of the two
    unfoldings, which makes it twice that.

    Args:
        matrix: of any size.
    """
    from tensorly.decomposition import robust_pca

    norm = float(np.linalg.norm(matrix)) or 1.0
    low, sparse = robust_pca(
        matrix / norm, reg_E=2 / math.sqrt(max(matrix.shape)), n_iter_max=ITERATIONS, tol=1e-7, verbose=0
    )
    sparse = np.where(np.abs(sparse) > SMALL * np.abs(matrix).max() / norm, sparse, 0.0) * norm
    return low * norm, sparse


def stored(sparse: Matrix) -> float:
    """Return the number of weights that are not zero, and the entropy of where they are, in weights of 8 bits.

    Args:
        sparse: the part of few entries.
    """
    density = np.count_nonzero(sparse) / sparse.size
    if density in (0.0, 1.0):
        return density * sparse.size
    entropy = -density * math.log2(density) - (1 - density) * math.log2(1 - density)
    return float(sparse.size * (density + entropy / STORED_BITS))


def _zeros(factor: Factor) -> float:
    return float(np.mean(factor.weights[0] == 0))
