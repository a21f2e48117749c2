import numpy as np
import pytest

from tasks.compression.lowrank.vbmf import noise_variance, rank_by_noise, threshold
from tests.tasks.compression.lowrank import planted


@pytest.mark.parametrize("shape", [(60, 60), (40, 160), (576, 64), (100, 300)])
@pytest.mark.parametrize("rank", [1, 5, 15])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_a_planted_rank_is_found_under_noise(shape: tuple[int, int], rank: int, noise: float) -> None:
    assert rank_by_noise(planted.matrix(*shape, rank, noise)) == rank


@pytest.mark.parametrize("shape", [(60, 60), (40, 160), (576, 64)])
def test_noise_alone_has_no_rank(shape: tuple[int, int]) -> None:
    assert [rank_by_noise(planted.matrix(*shape, 0, 1.0, seed)) for seed in range(5)] == [0] * 5


def test_the_variance_of_the_noise_is_found() -> None:
    spectrum = np.linalg.svd(planted.matrix(100, 300, 5, 0.3), compute_uv=False)
    assert noise_variance(spectrum, 100, 300) == pytest.approx(0.09, rel=0.03)


def test_the_rank_does_not_depend_on_scale_and_orientation() -> None:
    matrix = planted.matrix(40, 120, 6, 0.2)
    assert {rank_by_noise(matrix * scale) for scale in (1e-4, 1.0, 1e4)} == {6}
    assert rank_by_noise(matrix.T) == 6


def test_nothing_has_no_rank() -> None:
    assert rank_by_noise(np.zeros((5, 8))) == 0


@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.1, 0.01])
def test_the_threshold_is_that_of_the_paper(alpha: float) -> None:
    # the paper gives τ ≈ 2.5129 √α; a component must stand out of the Marchenko–Pastur edge (1 + √α)²
    tau = 2.5129 * np.sqrt(alpha)
    assert threshold(alpha) == pytest.approx((1 + tau) * (1 + alpha / tau), rel=0.03)
    assert threshold(alpha) > (1 + np.sqrt(alpha)) ** 2


def test_a_component_below_the_threshold_is_taken_for_noise() -> None:
    rng = np.random.default_rng(3)
    left, right = (np.linalg.qr(rng.normal(size=(size, 1)))[0] for size in (100, 200))
    noise = rng.normal(size=(100, 200))
    edge = np.sqrt(200 * threshold(0.5))
    # a planted singular value γ is seen at √((γ² + L)(γ² + M)) / γ (Benaych-Georges and Nadakuditi 2012)
    assert rank_by_noise(noise + 0.6 * edge * left @ right.T) == 0
    assert rank_by_noise(noise + 1.3 * edge * left @ right.T) == 1
