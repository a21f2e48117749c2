"""Intervals over clusters hold the truth as often as they say, where those that take samples as independent do not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.statistics import bounded_mean, clustered_difference, clustered_fraction, clustered_mean, paired_mean

RUNS = 1200


def clusters_of(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Clusters of one to forty samples."""
    return np.repeat(np.arange(count), rng.integers(1, 41, count))


@pytest.mark.parametrize("count", [12, 60])
def test_the_mean_of_clusters_that_differ_is_within_the_interval(count: int) -> None:
    rng, held, alone = np.random.default_rng(3), 0, 0
    for _ in range(RUNS):
        clusters = clusters_of(rng, count)
        values = rng.normal(0, 1, count)[clusters] + rng.normal(0, 1, len(clusters))
        found = clustered_mean(values, clusters)
        held += found.low <= 0 <= found.high
        half = 1.96 * values.std() / np.sqrt(len(values))
        alone += abs(values.mean()) <= half
    assert held / RUNS >= 0.93
    assert alone / RUNS < 0.75


def test_fractions_and_differences_of_clusters_are_within_theirs() -> None:
    rng, held = np.random.default_rng(4), np.zeros(4, int)
    for _ in range(RUNS):
        clusters = clusters_of(rng, 50)
        chances = rng.beta(2, 3, 50)[clusters]  # 0.4 on average
        right = (rng.random(len(clusters)) < chances).astype(float)
        found = clustered_fraction(right, clusters)
        naive = bounded_mean(right)
        both = np.where(rng.random(50)[clusters] < 0.3, rng.choice([-1.0, 1.0], 50)[clusters], 0.0)
        seen, less = clustered_difference(both, clusters), paired_mean(both)
        held += [
            found.low <= 0.4 <= found.high,
            naive.low <= 0.4 <= naive.high,
            seen.low <= 0 <= seen.high,
            less.low <= 0 <= less.high,
        ]
    clustered, alone, difference, difference_alone = held / RUNS
    assert clustered >= 0.93
    assert difference >= 0.93
    assert alone < 0.8
    assert difference_alone < 0.7


def test_clusters_of_one_sample_are_samples() -> None:
    rng = np.random.default_rng(5)
    values, each = rng.random(300), np.arange(300)
    found = clustered_mean(values, each)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.968 * values.std(ddof=1) / np.sqrt(300), rel=1e-3)
    right = (values < 0.3).astype(float)
    assert clustered_fraction(right, each).high == pytest.approx(bounded_mean(right).high, rel=1e-2)
    assert clustered_difference(right, each).low == pytest.approx(paired_mean(right).low, rel=1e-2)


def test_a_difference_does_not_collapse_where_nothing_differs_and_few_clusters_say_less() -> None:
    many = clustered_difference(np.zeros(4000), np.arange(4000) % 400)
    few = clustered_difference(np.zeros(4000), np.arange(4000) % 10)
    assert many.value == few.value == 0
    assert 0 < many.high < 0.02 < few.high


@pytest.mark.parametrize("interval", [clustered_mean, clustered_fraction, clustered_difference])
def test_of_one_cluster_nothing_is_said(interval: object) -> None:
    with pytest.raises(ValueError, match="at least two clusters"):
        interval(np.zeros(5), np.ones(5))  # type: ignore[operator]
