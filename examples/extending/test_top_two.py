import numpy as np
import pytest

from tasks.config import parse_params
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.classes.metrics import METRICS

TOP2 = {metric.name: metric for metric in METRICS}["top2"]
OUTPUTS = np.array([[3, 2, 1], [1, 2, 3], [3, 1, 2], [3, 1, 2]], np.float32)
GOOD, BAD = Answers(OUTPUTS, np.array([1, 2, 0, 1])), Answers(-OUTPUTS, np.array([1, 2, 0, 1]))


def test_the_second_likeliest_class_counts() -> None:
    assert (TOP2.value(GOOD), TOP2.constant(GOOD)) == (0.75, 0.75)
    assert TOP2.interval(GOOD).low < 0.75 < TOP2.interval(GOOD).high
    assert TOP2.difference(GOOD, BAD).value == pytest.approx(0.25)


def test_rules_know_it() -> None:
    gate = {"objective": "top2", "rules": [{"metric": "top2", "margin": 0.01}]}
    params = parse_params(
        {
            "data": {"source": "digits"},
            "recipes": {"int8": [{"technique": "quantize", "mode": "int8"}]},
            "gate": gate,
            "deployment": {"model": "digits"},
        }
    )
    assert params.gate.objective == "top2"
