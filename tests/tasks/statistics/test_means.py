"""Intervals of means hold the truth as often as they say, also where hardly anything differs."""

import numpy as np
import pytest

from tasks.statistics import bounded_mean, paired_mean, wilson

GAINS = np.array([0, *1 / np.log2(np.arange(2, 12))])


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.4])
def test_the_interval_of_a_paired_difference_covers_the_truth(share: float) -> None:
    rng, held, runs, samples = np.random.default_rng(7), 0, 1500, 300
    for _ in range(runs):
        differ = rng.random(samples) < share
        mine, theirs = rng.choice(GAINS, samples), rng.choice(GAINS, samples)
        found = paired_mean(np.where(differ, mine - theirs, 0.0))
        held += found.low <= 0 <= found.high
    assert held / runs >= 0.94


def test_the_interval_does_not_collapse_where_nothing_differs() -> None:
    found = paired_mean(np.zeros(400))
    assert found.value == 0
    assert 0.002 < found.high == -found.low < 0.02


def test_proportions_have_the_interval_of_wilson() -> None:
    values = np.array([1.0] * 37 + [0.0] * 63)
    assert bounded_mean(values).low == pytest.approx(wilson(37, 100).low)
    assert bounded_mean(values).high == pytest.approx(wilson(37, 100).high)


@pytest.mark.parametrize("values", [np.zeros(0), np.array([1.5]), np.array([np.nan])])
def test_figures_outside_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        bounded_mean(values)
