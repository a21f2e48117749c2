import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from tasks.timing.intervals import ratio, typical

PROCESSES, ROUNDS = 8, 25


def times(rng: np.random.Generator, between: float, within: float, load: np.ndarray | float = 1.0) -> np.ndarray:
    """Of a model that takes 100 µs but for what differs between processes and rounds: ``[processes, rounds]``."""
    layout = rng.lognormal(0, between, (PROCESSES, 1)) if between else 1.0
    return np.asarray(100 * load * layout * rng.lognormal(0, within, (PROCESSES, ROUNDS)))


def test_the_interval_is_students_of_the_logarithms() -> None:
    rng = np.random.default_rng(2)
    mine, theirs = times(rng, 0.05, 0.1), times(rng, 0.05, 0.1)
    logs = np.log(np.median(mine / theirs, axis=1))
    seen = ratio(mine.tolist(), theirs.tolist(), 0.99)
    expected = ttest_1samp(logs, 0).confidence_interval(0.99)
    assert np.log((seen.low, seen.value, seen.high)) == pytest.approx((expected.low, logs.mean(), expected.high))


@pytest.mark.parametrize("between", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_a_model_beside_itself_takes_as_long_as_often_as_the_interval_says(between: float, confidence: float) -> None:
    """Whatever differs between processes, which the rounds of one process do not show."""
    rng, runs, held = np.random.default_rng(1), 500, 0
    for _ in range(runs):
        load = rng.lognormal(0, 0.3, (PROCESSES, ROUNDS))  # slows both down
        seen = ratio(times(rng, between, 0.02, load).tolist(), times(rng, between, 0.02, load).tolist(), confidence)
        held += seen.low <= 1 <= seen.high
    assert abs(held / runs - confidence) < 4 * np.sqrt(confidence * (1 - confidence) / runs)


def test_a_process_in_ten_that_is_off_by_a_fifth_is_within_the_interval() -> None:
    rng, runs, held = np.random.default_rng(1), 400, 0
    for _ in range(runs):
        off = np.where(rng.random((PROCESSES, 1)) < 0.1, rng.choice([1.2, 1 / 1.2], (PROCESSES, 1)), 1.0)
        mine, theirs = times(rng, 0.01, 0.02, off), times(rng, 0.01, 0.02)
        seen = ratio(mine.tolist(), theirs.tolist())
        held += seen.low <= 1 <= seen.high
    assert 0.92 <= held / runs <= 0.99


def test_what_slows_a_round_down_does_not_change_the_ratio() -> None:
    rounds = np.random.default_rng(2).lognormal(4, 0.5, (PROCESSES, ROUNDS))
    seen = ratio((0.5 * rounds).tolist(), rounds.tolist())
    assert (seen.low, seen.value, seen.high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_ratio_the_other_way_round_has_the_interval_the_other_way_round() -> None:
    rng = np.random.default_rng(3)
    mine, theirs = times(rng, 0.1, 0.1).tolist(), times(rng, 0.1, 0.1).tolist()
    one, other = ratio(mine, theirs), ratio(theirs, mine)
    assert (other.low, other.value, other.high) == pytest.approx((1 / one.high, 1 / one.value, 1 / one.low))


def test_a_time_by_itself_has_an_interval_too() -> None:
    seen = typical([[90, 100, 300], [200, 200, 200]], 0.9)
    half = t.isf(0.05, 1) * np.log(2) / 2
    assert seen.value == pytest.approx(np.sqrt(100 * 200))
    assert np.log(seen.high / seen.value) == pytest.approx(half)


@pytest.mark.parametrize("confidence", [0.9995, 0.9999, 1 - 1e-9])
def test_a_strict_interval_is_finite(confidence: float) -> None:
    seen = typical([[100.0], [100.1], [99.9]], confidence)
    assert 0 < seen.low < seen.value < seen.high < np.inf


def test_rounds_have_to_pair_and_one_process_is_not_enough() -> None:
    with pytest.raises(ValueError, match=r"as many rounds of both\. Received: \[2, 2\] and \[2, 1\]"):
        ratio([[1, 2], [1, 2]], [[1, 2], [1]])
    with pytest.raises(ValueError, match=r"at least two processes\. Received: 1\."):
        ratio([[1, 2]], [[1, 2]])
