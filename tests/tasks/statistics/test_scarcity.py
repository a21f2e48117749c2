import numpy as np
import pytest

from tasks.statistics import MacroMetric, paired_macro, scarce_classes


@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
@pytest.mark.parametrize("allowed", [0.02, 0.05])
def test_the_samples_that_are_needed_are_the_least_that_suffice(metric: MacroMetric, allowed: float) -> None:
    labels = np.repeat([0, 1, 2], [1_000, 1_000, 4])
    (short,) = scarce_classes(labels, labels, classes=3, metric=metric, allowed=allowed)
    assert (short.index, short.samples) == (2, 4)
    for samples, suffices in ((short.needed - 1, False), (short.needed, True)):
        labels = np.repeat([0, 1, 2], [1_000, 1_000, samples])
        found = scarce_classes(labels, labels, classes=3, metric=metric, allowed=allowed)
        assert (found == ()) == suffices
        assert (-paired_macro(labels, labels, labels, classes=3, metric=metric).low < allowed) <= suffices


def test_a_class_without_samples_comes_first() -> None:
    labels = np.repeat([0, 2], [500, 3])
    first, second = scarce_classes(labels, labels, classes=3, metric="recall", allowed=0.03)
    assert (first.index, first.samples) == (1, 0)
    assert (second.index, second.samples) == (2, 3)
    assert first.needed == second.needed > 3


def test_a_stricter_rule_needs_more_samples() -> None:
    labels = np.repeat([0, 1], [500, 3])
    needed = [
        scarce_classes(labels, labels, classes=2, metric="recall", allowed=0.03, confidence=confidence)[0].needed
        for confidence in (0.9, 0.95, 0.9995)
    ]
    assert needed == sorted(needed)
    assert needed[0] < needed[2]
