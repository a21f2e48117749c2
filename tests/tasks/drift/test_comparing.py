"""Judging a shift: neither chance with few samples nor significance with many is enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.config import Drift
from tasks.drift.comparing import chi_squared, compare, holm, kolmogorov_smirnov, stability_index
from tasks.drift.profiling import profile_of
from tasks.drift.records import Profile
from tasks.samples import Inputs, TensorSpec

SPEC = TensorSpec(name="image", dtype="uint8", shape=(4, 4, 3), low=0, high=255)
CLASSES = ("cat", "dog")
SETTINGS = Drift()


def profile(samples: int, seed: int, brighter: int = 0, cats: float = 0.5, red: int = 0) -> Profile:
    rng = np.random.default_rng(seed)
    images = rng.integers(40, 120, (samples, 1, 1, 1)) + rng.integers(-30, 30, (samples, 4, 4, 3)) + brighter
    images[..., 0] += red
    targets = (rng.random(samples) >= cats).astype(np.int64)
    inputs = Inputs({"image": np.clip(images, 0, 255).astype(np.uint8)})
    return profile_of("image", (SPEC,), [(inputs, targets)], CLASSES)


def shifted(before: Profile, now: Profile, settings: Drift = SETTINGS) -> set[str]:
    report = compare(before, now, settings, 3)
    found = {shift.statistic for shift in report.shifts if shift.shifted}
    assert report.calls_for_retrain is bool(found)
    assert len(report.shifts) == 6
    return found


@pytest.mark.parametrize("samples", [20, 200, 20_000])
def test_data_of_the_same_kind_has_not_shifted_be_it_little_or_much(samples: int) -> None:
    for seed in range(10):
        assert shifted(profile(2_000, 100 + seed), profile(samples, seed)) == set()


def test_brighter_images_are_told_from_other_shares_of_classes() -> None:
    before = profile(2_000, 1)
    assert shifted(before, profile(1_000, 2, brighter=60)) == {"image mean", "image red", "image green", "image blue"}
    assert shifted(before, profile(1_000, 3, cats=0.9)) == {"class shares"}
    assert "image red" in shifted(before, profile(1_000, 4, red=60))


def test_with_many_samples_a_small_shift_is_significant_and_counts_not() -> None:
    before, now = profile(100_000, 1), profile(100_000, 2, brighter=2, cats=0.52)
    report = compare(before, now, SETTINGS, 3)
    assert min(shift.p for shift in report.shifts) < 1e-6
    assert not report.calls_for_retrain
    assert shifted(before, now, Drift(psi=0.001))


def test_with_few_samples_a_large_shift_may_be_chance() -> None:
    report = compare(profile(12, 1), profile(6, 5), SETTINGS, 3)
    assert max(shift.psi for shift in report.shifts) > SETTINGS.psi
    assert not report.calls_for_retrain


def test_a_new_class_is_a_shift_of_shares() -> None:
    before = profile(500, 1)
    now = before.model_copy(update={"classes": {"cat": 150, "dog": 150, "bird": 200}})
    report = compare(before, now, SETTINGS, 3)
    (shift,) = (shift for shift in report.shifts if shift.shifted)
    assert shift.statistic == "class shares"
    assert "bird 0.0%, now 40.0%" in shift.sentence
    assert report.sentence.startswith("Beside the data of release 3 1 of 6 statistics has shifted: class shares: bird")
    assert report.sentence.endswith("That alone would call for a retrain.")


def test_what_cannot_be_compared_is_said() -> None:
    now = profile(100, 1)
    assert "no release is in production yet" in compare(None, now, SETTINGS, None).sentence
    assert "release 3 carries no profile" in compare(None, now, SETTINGS, 3).sentence
    other = profile_of("image", (SPEC.model_copy(update={"name": "pixels"}),), [], CLASSES)
    assert "inputs or settings are others" in compare(other, now, SETTINGS, 3).sentence


def test_the_chi_squared_test_is_scipys() -> None:
    one, other = np.array([30.0, 50.0, 20.0, 0.0]), np.array([25.0, 40.0, 45.0, 0.0])
    effect, p = chi_squared(one, other)
    expected = stats.chi2_contingency([one[:3], other[:3]], correction=False)
    assert p == pytest.approx(expected.pvalue)
    assert effect == pytest.approx(stats.contingency.association(np.array([one[:3], other[:3]], int), method="cramer"))
    assert chi_squared(np.array([5.0]), np.array([7.0])) == (0.0, 1.0)


def test_the_distance_is_scipys_of_samples_in_bins() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 32, 400), rng.integers(4, 32, 300)
    counts = [np.bincount(values, minlength=32).astype(float) for values in (one, other)]
    distance, p = kolmogorov_smirnov(*counts)
    expected = stats.ks_2samp(one, other, method="asymp")
    assert distance == pytest.approx(expected.statistic)
    assert p == pytest.approx(stats.kstwobign.sf(np.sqrt(400 * 300 / 700) * expected.statistic))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_corrected_p_values_are_holms(values: list[float]) -> None:
    corrected, order = holm(values), np.argsort(values, kind="stable")
    running = 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(values) - rank) * values[place]))
        assert corrected[place] == running
    assert all(p <= q for p, q in zip(values, corrected, strict=True))


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20), st.integers(2, 50))
def test_the_index_is_none_for_the_same_shares_and_symmetric(counts: list[int], times: int) -> None:
    one = np.array(counts, float) + 1000
    other = one[::-1].copy()
    assert stability_index(one, one) == 0
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))
    assert 0 <= stability_index(one, one * times) < 1e-3
