import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from tasks.statistics import MacroMetric, class_interval, clopper_pearson, paired_class, tango

Labels = NDArray[np.int64]
METRICS: tuple[MacroMetric, ...] = ("recall", "precision", "f1")


def counted(right: int, missed: int, false: int, others: int = 100) -> tuple[Labels, Labels]:
    """Labels and answers in which class 1 has so many right answers, misses and false alarms."""
    labels = np.repeat([1, 1, 0, 0], [right, missed, false, others])
    return labels, np.repeat([1, 0, 1, 2], [right, missed, false, others])


def test_figures_of_a_class_have_exact_bounds() -> None:
    labels, answers = counted(30, 10, 5)
    recall, precision, f1 = (class_interval(labels, answers, of=1, metric=metric) for metric in METRICS)
    assert recall == clopper_pearson(30, 40)
    assert precision == clopper_pearson(30, 35)
    jaccard = clopper_pearson(30, 45)
    assert f1.value == pytest.approx(2 * 30 / (40 + 35))
    assert (f1.low, f1.high) == pytest.approx([2 * share / (1 + share) for share in (jaccard.low, jaccard.high)])


@pytest.mark.parametrize("level", [0.025, 1e-4])
def test_a_floor_of_f1_passes_what_is_just_there_no_more_often_than_its_level(level: float) -> None:
    union, jaccard = 60, 0.5
    floor = 2 * jaccard / (1 + jaccard)
    passing = [
        right
        for right in range(union + 1)
        if class_interval(*counted(right, union - right, 0), of=1, metric="f1", confidence=1 - 2 * level).low >= floor
    ]
    assert passing
    assert sum(float(binom.pmf(right, union, jaccard)) for right in passing) <= level


def test_a_class_without_samples_or_answers_may_have_any_figure() -> None:
    labels, answers = counted(3, 2, 1)
    for metric in METRICS:
        seen = class_interval(labels, answers, of=7, metric=metric)
        assert (seen.low, seen.high) == (0, 1)
        seen = paired_class(labels, answers, answers, of=7, metric=metric)
        assert (seen.low, seen.high) == (-1, 1)


def test_the_difference_of_recall_is_tangos_on_the_samples_of_the_class() -> None:
    labels = np.repeat([1, 0], [50, 500])
    mine, theirs = labels.copy(), labels.copy()
    mine[:3], theirs[3:10], theirs[200:] = 0, 0, 1
    assert paired_class(labels, mine, theirs, of=1, metric="recall") == tango(7, 3, 50)


def drawn(rng: np.random.Generator) -> tuple[Labels, Labels, Labels]:
    """Labels, a model, and one that misses more of a class of 5 % and has more false alarms."""
    labels = (rng.random(2000) < 0.05).astype(np.int64)
    first, own = rng.random((2, 2000))
    second = np.where(rng.random(2000) < 0.9, first, own)
    better = np.where(labels == 1, first < 0.8, first < 0.01)
    worse = np.where(labels == 1, second < 0.76, second < 0.012)
    return labels, better.astype(np.int64), worse.astype(np.int64)


@pytest.mark.parametrize("metric", METRICS)
def test_a_worse_model_is_taken_for_less_bad_than_it_is_no_more_often_than_the_level(metric: MacroMetric) -> None:
    def figure(recall: float, false: float) -> float:
        right, wrong = 0.05 * recall, 0.95 * false
        over = {"recall": 0.05, "precision": right + wrong, "f1": (0.05 + right + wrong) / 2}[metric]
        return right / over

    truth, rng = figure(0.76, 0.012) - figure(0.8, 0.01), np.random.default_rng(1)
    found = []
    for _ in range(600):
        labels, better, worse = drawn(rng)
        found.append(paired_class(labels, worse, better, of=1, metric=metric))
    assert np.mean([seen.low > truth for seen in found]) < 0.025 + 3 * 0.0064
    assert np.mean([seen.low <= truth <= seen.high for seen in found]) > 0.93
    assert np.mean([seen.high - seen.low for seen in found]) / 2 < 0.07
