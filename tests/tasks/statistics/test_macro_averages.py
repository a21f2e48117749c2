import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import precision_recall_fscore_support

from benchmarks.intervals import Setting, coverage, settings
from tasks.statistics import MacroMetric, macro_interval, paired_macro, wilson

METRICS: tuple[MacroMetric, ...] = ("precision", "recall", "f1")


@pytest.mark.parametrize("metric", METRICS)
def test_the_estimate_is_what_sklearn_gives(metric: MacroMetric) -> None:
    rng = np.random.default_rng(3)
    labels, answers, other = (rng.integers(0, 4, 50) for _ in range(3))
    labels[labels == 3] = 0  # a class that occurs among the answers alone
    place = ("precision", "recall", "f1").index(metric)
    expected, others = (
        precision_recall_fscore_support(labels, of, labels=range(5), average="macro", zero_division=0)[place]
        for of in (answers, other)
    )
    assert macro_interval(labels, answers, classes=5, metric=metric).value == pytest.approx(expected)
    assert paired_macro(labels, answers, other, classes=5, metric=metric).value == pytest.approx(expected - others)


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_agree_with_a_bootstrap_of_samples_in_large_classes(metric: MacroMetric) -> None:
    rng, n = np.random.default_rng(3), 4_000
    labels = rng.integers(0, 4, n)
    mine = np.where(rng.random(n) < 0.8, labels, rng.integers(0, 4, n))
    theirs = np.where(rng.random(n) < 0.85, mine, rng.integers(0, 4, n))

    def difference(truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
        return paired_macro(truth, one, other, classes=4, metric=metric).value

    def alone(truth: np.ndarray, one: np.ndarray) -> float:
        return macro_interval(truth, one, classes=4, metric=metric).value

    for seen, data, statistic in (
        (paired_macro(labels, mine, theirs, classes=4, metric=metric), (labels, mine, theirs), difference),
        (macro_interval(labels, mine, classes=4, metric=metric), (labels, mine), alone),
    ):
        expected = bootstrap(
            data, statistic, paired=True, vectorized=False, n_resamples=400, method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval  # fmt: skip
        assert (seen.low, seen.high) == pytest.approx((expected.low, expected.high), abs=0.003)


def test_a_perfect_model_in_equal_classes_is_as_certain_as_one_proportion() -> None:
    labels = np.arange(300) % 10
    expected = wilson(300, 300)
    for metric in METRICS:
        seen = macro_interval(labels, labels, classes=10, metric=metric)
        assert seen.value == seen.high == 1
        assert seen.low == pytest.approx(expected.low, abs=0.003)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_answers_are_as_uncertain_as_the_smallest_class_is_small(metric: MacroMetric) -> None:
    """A quarter of ten samples may be lost by chance unseen: one class of two loses that of its recall."""
    labels = np.repeat([0, 1], [90, 10])
    seen = paired_macro(labels, labels, labels, classes=2, metric=metric)
    assert seen.low == pytest.approx(-seen.high)
    assert seen.value == 0
    assert seen.high < 0.17
    if metric != "f1":
        assert seen.high >= 0.5 * 0.258


@pytest.mark.parametrize("metric", ["precision", "recall"])
@pytest.mark.parametrize("samples", [1, 4, 10, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.9995])
def test_errors_that_would_stay_unseen_more_often_than_asked_are_within(
    metric: MacroMetric, samples: int, confidence: float
) -> None:
    labels = np.repeat([0, 1], [1_000, samples])
    seen = paired_macro(labels, labels, labels, classes=2, metric=metric, confidence=confidence)
    share = -2 * seen.low  # of one class of two
    assert (1 - share) ** samples <= (1 - confidence) * (1 + 1e-9)


def test_where_only_losses_were_seen_there_is_more_room_for_losses() -> None:
    labels = np.arange(1_000) % 2
    seen = paired_macro(labels, np.where(np.arange(1_000) < 10, 1 - labels, labels), labels, classes=2, metric="recall")
    assert seen.value == pytest.approx(-0.01)
    assert seen.value - seen.low > 1.2 * (seen.high - seen.value)


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


@pytest.mark.parametrize("metric", METRICS)
def test_a_class_without_samples_may_have_any_value(metric: MacroMetric) -> None:
    labels = np.arange(400) % 4
    for classes in (4, 5):
        pair = paired_macro(labels, labels, labels, classes=classes, metric=metric)
        alone = macro_interval(labels, labels, classes=classes, metric=metric)
        assert (pair.high >= 0.2, alone.high - alone.value >= 0.199) == (classes == 5, classes == 5)


def test_a_class_that_is_never_answered_has_no_known_precision() -> None:
    labels, never = np.arange(400) % 4, np.arange(400) % 4
    never = np.where(never == 3, 0, never)
    seen = paired_macro(labels, never, labels, classes=4, metric="precision")
    assert seen.low < seen.value < -0.25
    assert seen.high >= seen.value + 0.25
    mirrored = paired_macro(labels, labels, never, classes=4, metric="precision")
    assert (mirrored.low, mirrored.high) == pytest.approx((-seen.high, -seen.low))


def test_only_answers_that_pair_with_labels_are_taken() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match=r"as many answers as labels\. Received shapes: \(2,\), \(2,\), \(1,\)"):
        paired_macro(two, two, one, classes=2, metric="f1")
    with pytest.raises(ValueError, match="Expected samples"):
        macro_interval(one[:0], one[:0], classes=2, metric="f1")


@given(
    data=st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=40),
    metric=st.sampled_from(METRICS),
    confidence=st.sampled_from([0.6, 0.95, 0.9995, 0.9999, 1 - 1e-12]),
)
def test_bounds_are_finite_in_order_and_mirrored_for_any_answers(
    data: list[tuple[int, int, int]], metric: MacroMetric, confidence: float
) -> None:
    labels, mine, theirs = np.array(data).T
    seen = paired_macro(labels, mine, theirs, classes=6, metric=metric, confidence=confidence)
    assert -1 <= seen.low <= seen.value <= seen.high <= 1
    turned = paired_macro(labels, theirs, mine, classes=6, metric=metric, confidence=confidence)
    assert (turned.low, turned.high) == pytest.approx((-seen.high, -seen.low))
    alone = macro_interval(labels, mine, classes=6, metric=metric, confidence=confidence)
    assert 0 <= alone.low <= alone.value <= alone.high <= 1


@given(
    data=st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=40),
    metric=st.sampled_from(METRICS),
    confidences=st.lists(st.floats(0.5, 0.999999), min_size=2, max_size=2).map(sorted),
)
def test_a_higher_confidence_draws_no_bound_nearer(
    data: list[tuple[int, int, int]], metric: MacroMetric, confidences: list[float]
) -> None:
    labels, mine, theirs = np.array(data).T
    known = {"classes": 4, "metric": metric}
    for intervals in (
        [paired_macro(labels, mine, theirs, **known, confidence=each) for each in confidences],  # type: ignore[arg-type]
        [macro_interval(labels, mine, **known, confidence=each) for each in confidences],  # type: ignore[arg-type]
    ):
        surer = intervals[1]
        assert surer.low <= intervals[0].low + 1e-12
        assert surer.high >= intervals[0].high - 1e-12


@pytest.mark.parametrize(
    ("setting", "metric"),
    [
        (Setting(samples=300, classes=10, spread="geometric", accuracy=0.6, shared=0.0), "recall"),
        (Setting(samples=2_000, classes=10, spread="power", accuracy=0.9, shared=1.0, apart=1), "f1"),
    ],
    ids=str,
)
def test_differences_in_small_classes_are_held_as_often_as_asked(setting: Setting, metric: MacroMetric) -> None:
    paired, _ = coverage(setting, metric, 0.95, repetitions=500)
    assert 0.93 <= paired.held <= 0.98


@pytest.mark.parametrize("samples", [300, 2_000])
@pytest.mark.parametrize("metric", METRICS)
def test_intervals_of_ten_unequal_classes_hold_the_truth_as_often_as_they_say(
    metric: MacroMetric, samples: int
) -> None:
    setting = Setting(samples=samples, classes=10, spread="geometric", accuracy=0.9, shared=0.3, smallest=0.1)
    paired, alone = coverage(setting, metric, 0.95, repetitions=500)
    for seen in (paired, alone):
        assert 0.93 <= seen.held <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("setting", list(settings()), ids=str)
def test_intervals_hold_the_truth_all_over_the_grid(setting: Setting) -> None:
    for metric in METRICS:
        for confidence in (0.9, 0.95, 0.99, 0.999):
            for seen in coverage(setting, metric, confidence, repetitions=1_000):
                assert seen.held >= confidence - 0.25 * (1 - confidence) - 3 * np.sqrt(
                    confidence * (1 - confidence) / 1_000
                )
