"""Intervals of one model's figures: what they are at the edges, and how often they hold the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.records import Interval
from tasks.statistics import MacroMetric, macro, wilson
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.classes.metrics import METRICS as ALL

METRICS: tuple[MacroMetric, ...] = ("precision", "recall", "f1")
BY_NAME = {metric.name: metric for metric in ALL}


def interval(metric: str, confusion: NDArray[np.int64], confidence: float = 0.95) -> Interval:
    """The interval of a metric for samples by their true class (rows) and their answer (columns)."""
    labels, said = np.divmod(np.repeat(np.arange(confusion.size), confusion.ravel()), len(confusion))
    outputs = np.eye(len(confusion), dtype=np.float32)[said]
    return BY_NAME[metric].interval(Answers(outputs, labels), confidence)


def model(classes: int, imbalance: float, right: float) -> NDArray[np.float64]:
    """Counts of each answer to each class: wrong answers go mostly to the next class; the last class is the best."""
    share = np.geomspace(1, imbalance, classes)
    hits = np.minimum(np.linspace(right - 0.04, right + 0.02, classes), 0.995)
    errors = np.full((classes, classes), 0.05) + np.roll(np.eye(classes), 1, axis=1)
    np.fill_diagonal(errors, 0)
    errors *= ((1 - hits) / errors.sum(axis=1))[:, np.newaxis]
    table = (errors + np.diag(hits)) * (share / share.sum())[:, np.newaxis]
    return np.asarray(table)


def truth(metric: MacroMetric, table: NDArray[np.float64]) -> float:
    return float(macro(table.diagonal(), table.sum(axis=0), table.sum(axis=1), metric))


def misses(metric: MacroMetric, table: NDArray[np.float64], samples: int, draws: int) -> tuple[float, float]:
    """The share of cases in which the truth lies below, and above, a 95 % interval."""
    rng, known = np.random.default_rng(1), truth(metric, table)
    drawn = rng.multinomial(samples, table.ravel(), size=draws).reshape(draws, *table.shape)
    seen = [interval(metric, confusion) for confusion in drawn]
    return float(np.mean([one.low > known for one in seen])), float(np.mean([one.high < known for one in seen]))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("classes", "imbalance", "right"), [(2, 1, 0.9), (3, 20, 0.8), (10, 5, 0.95)])
def test_the_truth_is_seldom_below_and_seldom_above(
    metric: MacroMetric, classes: int, imbalance: float, right: float
) -> None:
    below, above = misses(metric, model(classes, imbalance, right), samples=500, draws=300)
    assert below <= 0.025 + 3 * 0.009  # three standard errors of 300 draws
    assert above <= 0.05 + 3 * 0.0126


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("classes", [2, 3, 10, 30])
@pytest.mark.parametrize("imbalance", [1, 20])
@pytest.mark.parametrize("right", [0.6, 0.9, 0.97])
@pytest.mark.parametrize("samples", [300, 2_000])
def test_coverage_in_a_table(metric: MacroMetric, classes: int, imbalance: float, right: float, samples: int) -> None:
    below, above = misses(metric, model(classes, imbalance, right), samples, draws=2_000)
    print(f"{metric} {classes} classes × {imbalance}, {right}, {samples}: {below:.3f} {above:.3f}")
    assert below <= 0.025 + 3 * 0.0035
    assert below + above <= 0.08 + 3 * 0.006


def test_accuracy_has_the_interval_of_wilson() -> None:
    confusion = np.array([[40, 5], [3, 52]])
    assert interval("accuracy", confusion) == wilson(92, 100)


@pytest.mark.parametrize("metric", METRICS)
def test_more_samples_make_it_narrower_and_more_confidence_wider(metric: MacroMetric) -> None:
    confusion = np.array([[40, 5, 0], [3, 52, 1], [0, 2, 17]])
    once, often = interval(metric, confusion), interval(metric, 10 * confusion)
    assert once.low < often.low < once.value < often.high < once.high
    surer = interval(metric, confusion, 0.99)
    assert surer.low < once.low
    assert surer.high > once.high


@pytest.mark.parametrize("metric", METRICS)
def test_what_has_not_occurred_still_counts(metric: MacroMetric) -> None:
    perfect = interval(metric, np.diag([30, 30]))
    assert (perfect.value, perfect.high) == (1, 1)
    assert 0.85 < perfect.low < 0.97
    hopeless = interval(metric, np.array([[0, 30], [30, 0]]))
    assert (hopeless.value, hopeless.low) == (0, 0)
    assert 0 < hopeless.high < 0.15


def test_a_class_without_samples_counts_as_nothing_and_may_be_all() -> None:
    seen = interval("recall", np.array([[50, 0], [0, 0]]))
    assert seen.value == 0.5
    assert seen.low < 0.5
    assert seen.high == 1


@pytest.mark.parametrize("metric", ["accuracy", *METRICS])
def test_it_lies_around_the_figure_whatever_was_answered(metric: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        classes = int(rng.integers(1, 6))
        confusion = rng.integers(0, 9, (classes, classes)) * rng.integers(0, 2, (classes, classes))
        confusion[0, rng.integers(classes)] += 1
        seen = interval(metric, confusion)
        assert 0 <= seen.low <= seen.value <= seen.high <= 1


def test_a_thousand_classes_take_moments_and_little_memory() -> None:
    rng = np.random.default_rng(1)
    confusion = np.diag(rng.integers(5, 20, 1000)) + (rng.random((1000, 1000)) < 0.001)
    seen = interval("f1", confusion)
    assert seen.high - seen.low < 0.02
