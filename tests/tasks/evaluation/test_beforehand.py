import re
from typing import Any

import pytest

from tasks.config import QualityRule
from tasks.evaluation.beforehand import too_few
from tasks.records import Interval
from tasks.statistics import tango
from tasks.workloads.outcomes.classes.metrics import METRICS
from tests.integration.ratings import Mae, Rmse


def rule(**limits: Any) -> QualityRule:
    return QualityRule.model_validate({"metric": "accuracy", **limits})


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.2])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_the_number_that_is_asked_for_is_the_least_that_can_prove_the_margin(margin: float, confidence: float) -> None:
    given = rule(margin=margin, confidence=confidence)
    said = too_few([given], 1, METRICS)
    assert said is not None
    needed = int(re.findall(r"at least ([\d,]+), ", said)[0].replace(",", ""))
    assert tango(0, 0, needed, confidence).low > -margin >= tango(0, 0, needed - 1, confidence).low
    assert too_few([given], needed, METRICS) is None
    assert too_few([given], needed - 1, METRICS) is not None


def test_a_floor_takes_samples_as_well() -> None:
    assert "min: 0.99} cannot be proven with 81 test samples" in (too_few([rule(min=0.99)], 81, METRICS) or "")
    assert too_few([rule(min=0.9)], 81, METRICS) is None


def test_other_metrics_and_classes_by_themselves_are_left_to_the_gate() -> None:
    assert too_few([rule(metric="recall", margin=0.001, per_class=True)], 3, METRICS) is None


def test_a_metric_says_what_it_takes_by_its_own_name_and_direction() -> None:
    class Sure(Rmse):
        def closest_difference(self, samples: int, confidence: float) -> Interval:  # noqa: ARG002
            return Interval(value=0, low=-1 / samples, high=1 / samples)

        def best_bounds(self, samples: int, confidence: float) -> Interval:  # noqa: ARG002
            return Interval(value=0, low=0, high=2 / samples)

    rules = [QualityRule(metric="rmse", margin=0.05), QualityRule(metric="rmse", max=0.01)]
    assert "{metric: rmse, margin: 0.05} cannot be proven with 20 test samples" in (too_few(rules, 20, [Sure()]) or "")
    said = too_few(rules, 199, [Sure()])
    assert said is not None
    assert "{metric: rmse, max: 0.01}" in said
    assert "at least 200," in said
    assert too_few(rules, 200, [Sure()]) is None


def test_a_metric_whose_interval_hangs_on_the_answers_is_left_to_the_gate() -> None:
    assert too_few([QualityRule(metric="mae", margin=0.0001)], 3, [Mae()]) is None
