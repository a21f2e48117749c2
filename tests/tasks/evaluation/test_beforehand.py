import re
from typing import Any

import pytest

from tasks.config import QualityRule
from tasks.evaluation.beforehand import too_few
from tasks.statistics import tango


def rule(**limits: Any) -> QualityRule:
    return QualityRule.model_validate({"metric": "accuracy", **limits})


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.2])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_the_number_that_is_asked_for_is_the_least_that_can_prove_the_margin(margin: float, confidence: float) -> None:
    given = rule(margin=margin, confidence=confidence)
    said = too_few([given], 1)
    assert said is not None
    needed = int(re.findall(r"at least ([\d,]+), ", said)[0].replace(",", ""))
    assert tango(0, 0, needed, confidence).low > -margin >= tango(0, 0, needed - 1, confidence).low
    assert too_few([given], needed) is None
    assert too_few([given], needed - 1) is not None


def test_a_floor_takes_samples_as_well() -> None:
    assert "min: 0.99} cannot be proven with 81 test samples" in (too_few([rule(min=0.99)], 81) or "")
    assert too_few([rule(min=0.9)], 81) is None


def test_other_metrics_and_classes_by_themselves_are_left_to_the_gate() -> None:
    assert too_few([rule(metric="recall", margin=0.001, per_class=True)], 3) is None
