import numpy as np
import pytest

from tasks.compression.lowrank.robust_pca import RobustPca, pursue, stored
from tests.tasks.compression.lowrank import planted

SHAPE = (100, 60)
LOW, SPARSE = planted.matrix(*SHAPE, 4), planted.sparse(SHAPE, 0.05, 5.0)


def relative(error: planted.Kernel, of: planted.Kernel) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(of))


def test_planted_parts_are_told_apart() -> None:
    low, sparse = pursue(LOW + SPARSE)
    assert relative(low - LOW, LOW) < 1e-3
    assert np.array_equal(sparse != 0, SPARSE != 0)
    assert np.allclose(sparse, SPARSE, atol=0.01)


def test_an_svd_of_the_same_rank_is_far_off() -> None:
    left, spectrum, right = np.linalg.svd(LOW + SPARSE, full_matrices=False)
    assert relative(left[:, :4] * spectrum[:4] @ right[:4] - LOW, LOW) > 0.2


@pytest.mark.parametrize("by", ["energy", "noise"])
def test_the_rank_is_that_of_the_low_part(by: str) -> None:
    decomposition = RobustPca(LOW + SPARSE)
    ranks = decomposition.by_energy(0.9999) if by == "energy" else decomposition.by_noise()
    assert ranks == (4,)
    assert decomposition.error((4,)) < 1e-6


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3])
def test_the_rank_is_found_under_noise_too(noise: float) -> None:
    assert RobustPca(LOW + SPARSE + planted.matrix(*SHAPE, 0, noise, seed=5)).by_noise() == (4,)


def test_a_density_is_kept_to_and_takes_the_largest() -> None:
    decomposition = RobustPca(LOW + SPARSE, density=0.02)
    first, second, sparse = decomposition._cut((4,))
    assert np.count_nonzero(sparse) == round(0.02 * LOW.size)
    rest = np.abs(LOW + SPARSE - first @ second)
    assert rest[sparse != 0].min() >= rest[sparse == 0].max()
    assert np.count_nonzero(RobustPca(LOW + SPARSE, density=0.0)._cut((4,))[2]) == 0


def test_what_is_stored_counts_positions_and_what_is_loaded_counts_zeros() -> None:
    decomposition = RobustPca(LOW + SPARSE)
    count = np.count_nonzero(SPARSE)
    density = count / SPARSE.size
    bits = -density * np.log2(density) - (1 - density) * np.log2(1 - density)
    assert decomposition.parameters((4,)) == np.ceil(4 * 160 + count + SPARSE.size * bits / 8)
    assert decomposition.loaded((4,)) == 4 * 160 + SPARSE.size > LOW.size
    assert stored(np.zeros((4, 4))) == 0
    assert stored(np.ones((4, 4))) == 16
