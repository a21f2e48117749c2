import numpy as np

from tasks.compression.clustering.kmeans import to_levels
from tasks.compression.clustering.repair import distinct, repair

RNG = np.random.default_rng(1)
BEFORE = (RNG.normal(size=(1, 1, 12, 8)) * (RNG.random((1, 1, 12, 8)) > 0.4)).astype(np.float32)
GOOD = to_levels(BEFORE, 5, "kmeans++", per_channel=False, keep_zeros=True, seed=1)


def test_what_is_right_stays_as_it_is() -> None:
    after, wrong = repair(BEFORE, GOOD, 5, per_channel=False, keep_zeros=True, seed=1)
    assert after is GOOD
    assert not wrong


def test_a_layer_that_came_out_all_zero_is_clustered_anew() -> None:
    after, wrong = repair(BEFORE, np.zeros_like(BEFORE), 5, False, True, seed=1)
    assert wrong == ["came out all zero"]
    assert np.array_equal(after, GOOD)


def test_a_layer_that_came_out_not_finite_is_clustered_anew() -> None:
    after, wrong = repair(BEFORE, np.full_like(BEFORE, np.nan), 5, False, True, seed=1)
    assert wrong == ["came out not finite"]
    assert np.array_equal(after, GOOD)


def test_zeros_that_were_lost_come_back() -> None:
    lost = GOOD + np.float32(0.1)
    after, wrong = repair(BEFORE, lost, 5, False, True, seed=1)
    assert wrong == [f"{np.count_nonzero(BEFORE == 0)} zeros were lost"]
    assert np.all(after[BEFORE == 0] == 0)
    assert distinct(after, per_channel=False) <= 5


def test_values_that_are_too_many_are_clustered_again() -> None:
    many = GOOD + RNG.normal(size=GOOD.shape).astype(np.float32) * 0.01
    after, wrong = repair(BEFORE, many, 5, False, False, seed=1)
    assert wrong == [f"{many.size} values instead of 5"]
    assert distinct(after, per_channel=False) == 5


def test_values_are_counted_in_each_channel_where_they_are_those_of_a_channel() -> None:
    channels = np.arange(24, dtype=np.float32).reshape(1, 1, 3, 8)
    assert (distinct(channels, per_channel=False), distinct(channels, per_channel=True)) == (24, 3)
    after, wrong = repair(channels, channels, 3, per_channel=True, keep_zeros=False, seed=1)
    assert after is channels
    assert not wrong
