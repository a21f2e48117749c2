import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from tasks.statistics import clopper_pearson, critical_value, smallest_margin, tango, wilson


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


def test_the_exact_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I: method 5
    for successes, samples, low, high in ((81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0, 0.1684)):
        seen = clopper_pearson(successes, samples)
        assert (seen.low, seen.high) == pytest.approx((low, high), abs=5e-5)
    assert clopper_pearson(20, 20).high == 1
    with pytest.raises(ValueError, match="Received: 3, 2"):
        clopper_pearson(3, 2)


@pytest.mark.parametrize("level", [0.025, 0.0005, 1e-6, 1e-9])
@pytest.mark.parametrize("least", [0.02, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("samples", [30, 100, 2_000])
def test_an_exact_bound_is_wrong_no_more_often_than_its_level(level: float, least: float, samples: int) -> None:
    passing = next((k for k in range(samples + 1) if clopper_pearson(k, samples, 1 - 2 * level).low >= least), None)
    if passing is not None:
        assert binom.sf(passing - 1, samples, least) <= level * (1 + 1e-6)
    failing = next(
        (k for k in range(samples, -1, -1) if clopper_pearson(k, samples, 1 - 2 * level).high <= least), None
    )
    if failing is not None:
        assert binom.cdf(failing, samples, least) <= level * (1 + 1e-6)


@pytest.mark.parametrize("confidence", [0.9, 0.9995, 0.9999, 1 - 1e-9])
@pytest.mark.parametrize("samples", [1, 2, 7, 300, 10**7])
def test_bounds_are_finite_and_in_order_at_any_confidence_and_count(confidence: float, samples: int) -> None:
    some = sorted({0, 1, samples // 3, samples // 2, samples - 1, samples})
    for better in some:
        seen = wilson(better, samples, confidence)
        assert 0 <= seen.low <= seen.value <= seen.high <= 1
        for worse in some:
            if better + worse <= samples:
                seen = tango(better, worse, samples, confidence)
                assert -1 <= seen.low <= seen.value <= seen.high <= 1
    strict, loose = tango(0, 1, samples, confidence), tango(0, 1, samples, 0.8)
    assert strict.low <= loose.low <= loose.high <= strict.high
