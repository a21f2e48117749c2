import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import bootstrap, norm

from tasks.evaluation.statistics import (
    MacroMetric,
    critical_value,
    macro,
    paired_macro,
    ratio_of_medians,
    smallest_margin,
    tango,
    wilson,
)


def test_tango_gives_the_published_interval_for_airway_reactivity() -> None:
    # Bentur et al. 2009 (1, 1, 7, 12), in Fagerland, Lydersen and Laake, Statistics in Medicine 33 (2014) 2850
    seen = tango(1, 7, 21)
    assert seen.value == pytest.approx(-0.286, abs=5e-4)
    assert (seen.low, seen.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_tango_gives_what_propcis_gives() -> None:
    # R: PropCIs::scoreci.mp(60, 20, 1000), which takes the counts the other way round
    seen = tango(20, 60, 1000)
    assert (seen.low, seen.high) == pytest.approx((-0.0584, -0.0231), abs=5e-5)


@pytest.mark.parametrize(("better", "worse", "samples"), [(3, 9, 60), (0, 4, 30), (25, 28, 618), (1, 0, 12)])
def test_bounds_of_tango_solve_the_score_equation(better: int, worse: int, samples: int) -> None:
    """The constrained likelihood is maximised numerically here, not by Tango's formula."""

    def statistic(difference: float) -> float:
        def unlikelihood(q: float) -> float:
            chances = np.array([q + difference, q, 1 - 2 * q - difference])
            counts = np.array([better, worse, samples - better - worse])
            return -float(np.sum(counts * np.log(np.maximum(chances, 1e-300))))

        bounds = (max(0.0, -difference), (1 - difference) / 2)
        q = float(minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)
        variance = 2 * q + difference * (1 - difference)
        return float((better - worse - samples * difference) / np.sqrt(samples * variance))

    seen, z = tango(better, worse, samples, 0.9), norm.isf(0.05)
    assert statistic(seen.low) == pytest.approx(z, rel=1e-4)
    assert statistic(seen.high) == pytest.approx(-z, rel=1e-4)


def test_tango_without_discordant_pairs_is_as_wide_as_the_samples_allow() -> None:
    z2 = critical_value(0.95) ** 2
    seen = tango(0, 0, 540)
    assert seen.value == 0
    assert (seen.low, seen.high) == pytest.approx((-z2 / (540 + z2), z2 / (540 + z2)))


def test_tango_is_bounded_and_mirrored() -> None:
    assert tango(0, 5, 5).low == -1
    assert tango(5, 0, 5).high == 1
    one, other = tango(3, 11, 200), tango(11, 3, 200)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_tango_keeps_its_precision_on_millions_of_samples() -> None:
    # normal limit: (b − c ± z √(b + c)) / n, off by terms of order z²/n
    seen = tango(40_000, 39_000, 10**7)
    half = critical_value(0.95) * np.sqrt(79_000) / 10**7
    assert (seen.low, seen.high) == pytest.approx((1e-4 - half, 1e-4 + half), abs=1e-7)


def test_a_higher_confidence_widens_every_interval() -> None:
    assert tango(3, 9, 100, 0.99).low < tango(3, 9, 100, 0.9).low
    assert wilson(90, 100, 0.99).low < wilson(90, 100, 0.9).low


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="Received: better"):
        tango(*counts)


def test_tango_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    samples, p_better, p_worse = 200, 0.02, 0.04
    draws = rng.multinomial(samples, [p_better, p_worse, 1 - p_better - p_worse], size=600)
    kinds, counts = np.unique(draws[:, :2], axis=0, return_counts=True)
    intervals = [tango(int(better), int(worse), samples) for better, worse in kinds]
    covered = sum(n for n, of in zip(counts, intervals, strict=True) if of.low <= p_better - p_worse <= of.high)
    assert 0.93 <= covered / 600 <= 0.985


def test_smallest_margin_is_where_an_equal_candidate_begins_to_pass() -> None:
    margin = smallest_margin(540, 10)
    assert tango(5, 5, 540).low == pytest.approx(-margin)
    assert smallest_margin(5400, 100) < margin
    assert smallest_margin(540, 10, 0.99) > margin


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I: 81 of 263 and 0 of 20, method 3
    seen = wilson(81, 263)
    assert (seen.low, seen.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    none = wilson(0, 20)
    assert none.low == 0
    assert none.high == pytest.approx(0.1611, abs=5e-5)
    assert wilson(20, 20).high == 1


def test_wilson_refuses_more_successes_than_samples() -> None:
    with pytest.raises(ValueError, match="Received: 3, 2"):
        wilson(3, 2)


def test_macro_counts_nothing_over_nothing_as_zero() -> None:
    right, answered, support = np.array([2.0, 0.0]), np.array([4.0, 0.0]), np.array([2.0, 1.0])
    assert macro(right, answered, support, "precision") == pytest.approx(0.25)
    assert macro(right, answered, support, "recall") == pytest.approx(0.5)
    assert macro(right, answered, support, "f1") == pytest.approx((2 * 2 / 6) / 2)


def test_paired_macro_agrees_with_a_bootstrap_of_samples_in_large_classes() -> None:
    rng, n = np.random.default_rng(3), 2_000
    labels = rng.integers(0, 4, n)
    mine = np.where(rng.random(n) < 0.8, labels, rng.integers(0, 4, n))
    theirs = np.where(rng.random(n) < 0.85, mine, rng.integers(0, 4, n))

    def recall_difference(truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
        recalls = [[np.mean(answers[truth == k] == k) for k in range(4)] for answers in (one, other)]
        return float(np.mean(recalls[0]) - np.mean(recalls[1]))

    seen = paired_macro(labels, mine, theirs, classes=4, metric="recall")
    expected = bootstrap(
        (labels, mine, theirs), recall_difference, paired=True, vectorized=False, n_resamples=1500,
        method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert seen.value == pytest.approx(recall_difference(labels, mine, theirs))
    assert (seen.low, seen.high) == pytest.approx((expected.low, expected.high), abs=0.002)


def test_paired_macro_is_the_same_every_time() -> None:
    labels = np.arange(60) % 3
    args = (labels, (labels + (np.arange(60) < 9)) % 3, labels)
    assert paired_macro(*args, classes=3, metric="f1") == paired_macro(*args, classes=3, metric="f1")


@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_paired_macro_of_equal_answers_is_as_uncertain_as_its_classes_are_small(metric: MacroMetric) -> None:
    labels = np.repeat([0, 1], [90, 10])
    half = np.hypot(tango(0, 0, 90).high, tango(0, 0, 10).high) / 2
    seen = paired_macro(labels, labels, labels, classes=2, metric=metric)
    assert (seen.low, seen.value, seen.high) == pytest.approx((-half, 0, half))


def test_an_error_that_a_small_class_has_not_shown_yet_is_within_the_interval() -> None:
    """Of ten samples of a rare class a tenth fare otherwise with the candidate; a bootstrap often sees none."""
    rng, labels = np.random.default_rng(5), np.repeat([0, 1], [190, 10])
    truth = (-0.01 - 0.1) / 2
    held = 0
    for _ in range(200):
        lost = rng.random(200) < np.where(labels == 1, 0.1, 0.01)
        seen = paired_macro(labels, np.where(lost, 1 - labels, labels), labels, classes=2, metric="recall")
        held += seen.low <= truth <= seen.high
    assert held > 0.93 * 200


def test_ratio_of_medians_follows_the_rounds() -> None:
    rounds = np.random.default_rng(2).normal(100, 20, 200)  # a restless machine
    seen = ratio_of_medians(0.5 * rounds, rounds)
    assert (seen.low, seen.value, seen.high) == pytest.approx((0.5, 0.5, 0.5))


def test_ratio_of_medians_brackets_the_truth() -> None:
    rng = np.random.default_rng(4)
    seen = ratio_of_medians(rng.normal(30, 3, 200), rng.normal(90, 9, 200))
    assert seen.low < 1 / 3 < seen.high
    assert seen.high - seen.low < 0.03


def test_ratio_of_medians_needs_pairs() -> None:
    with pytest.raises(ValueError, match="as many rounds"):
        ratio_of_medians(np.ones(3), np.ones(4))
