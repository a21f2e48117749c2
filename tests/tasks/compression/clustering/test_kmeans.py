import numpy as np
import pytest

from tasks.compression.clustering.kmeans import INITS, to_levels
from tasks.compression.clustering.repair import distinct

RNG = np.random.default_rng(1)
KERNEL = RNG.normal(size=(3, 3, 8, 6)).astype(np.float32)
VALUES = np.array([-0.5, -0.1, 0.2, 0.9], np.float32)


def test_planted_levels_are_found_under_noise() -> None:
    planted = RNG.choice(VALUES, KERNEL.shape)
    noisy = planted + RNG.normal(size=KERNEL.shape).astype(np.float32) * 0.01
    found = to_levels(noisy, 4, "kmeans++", per_channel=False, keep_zeros=False, seed=1)
    assert np.allclose(found, planted, atol=0.005)
    assert distinct(found, per_channel=False) == 4


def test_levels_that_are_few_already_stay_exactly() -> None:
    planted = RNG.choice(VALUES, KERNEL.shape)
    assert np.array_equal(to_levels(planted, 4, "kmeans++", False, False, seed=1), planted)
    assert np.array_equal(to_levels(planted, 9, "linear", True, False, seed=1), planted)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("keep_zeros", [False, True])
def test_there_are_no_more_levels_than_asked_for(init: str, per_channel: bool, keep_zeros: bool) -> None:
    sparse = KERNEL * (RNG.random(KERNEL.shape) > 0.6)
    found = to_levels(sparse, 5, init, per_channel, keep_zeros, seed=1)
    assert distinct(found, per_channel) == 5
    assert np.array_equal(found, to_levels(sparse, 5, init, per_channel, keep_zeros, seed=1))
    if keep_zeros:
        assert np.all(found[sparse == 0] == 0)


@pytest.mark.parametrize(("init", "levels"), [("linear", [1, 7, 12]), ("density", [0, 1, 138 / 54])])
def test_levels_stay_where_they_begin_evenly_spaced_or_where_the_weights_are(init: str, levels: list[float]) -> None:
    """Two sets of levels that k-means does not leave: 0, 6, 12 lead to one, the quantiles 0, 1, 2 to the other."""
    kernel = np.repeat(np.array([0, 1, 2, 7, 12], np.float32), [50, 50, 50, 2, 2]).reshape(1, 1, 11, 14)
    assert np.unique(to_levels(kernel, 3, init, False, False, seed=1)) == pytest.approx(levels)


def test_levels_of_a_channel_are_nearer_than_those_of_the_layer() -> None:
    scaled = KERNEL * np.geomspace(0.01, 1, 6).astype(np.float32)
    of_layer, of_channel = (to_levels(scaled, 4, "kmeans++", each, False, 1) for each in (False, True))
    errors = [np.sum((found - scaled) ** 2, axis=(0, 1, 2)) for found in (of_layer, of_channel)]
    assert np.all(errors[1][:3] < 0.5 * errors[0][:3])  # the small channels'
    assert errors[1].sum() < errors[0].sum()


def test_a_channel_of_zeros_stays_one() -> None:
    sparse = KERNEL.copy()
    sparse[..., 2] = 0
    assert not np.any(to_levels(sparse, 4, "density", True, True, 1)[..., 2])


@pytest.mark.parametrize("init", ["linear", "density", "kmeans++"])
def test_many_equal_weights_are_no_obstacle(init: str) -> None:
    kernel = np.zeros((40, 5), np.float32)
    kernel[:4] = np.arange(20, dtype=np.float32).reshape(4, 5)
    levels = to_levels(kernel, 6, init, per_channel=False, keep_zeros=False, seed=1)
    assert 2 <= len(np.unique(levels)) <= 6
    assert np.all(np.isfinite(levels))
