"""Rules about one class: spam that is missed among much that is none."""

from typing import Any

import numpy as np
import pytest

from flows.line import guarding
from flows.line.guarding import expect_rules_fit
from tasks.errors import ConfigError
from tasks.evaluation.learnt import shows_learning
from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.rules import apply_rule
from tasks.statistics import class_interval, paired_class
from tasks.workloads.outcomes.classes.answers import top
from tests.tasks.evaluation.test_learnt import results_of

NAMES = ("ham", "spam")
LABELS = np.repeat([0, 1], [900, 100])
BASELINE = np.repeat([0, 1, 1, 0], [890, 10, 95, 5])  # ten false alarms, five missed
WORSE = np.repeat([0, 1, 1, 0], [890, 10, 80, 20])


def verdict(answers: Any, **rule: Any) -> RuleVerdict:
    results = results_of(NAMES, LABELS, {"baseline": BASELINE, "a": answers}, [rule])
    return next(iter(apply_rule(results.params.gate.rules[0], "a", "test", results)))


@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_a_floor_of_one_class_is_held_against_its_own_figure(metric: Any) -> None:
    seen = verdict(WORSE, metric=metric, of="spam", min=0.6)
    expected = class_interval(LABELS, WORSE, of=1, metric=metric)
    assert (seen.value, seen.low, seen.high) == (expected.value, expected.low, expected.high)
    assert (seen.outcome, seen.metric) == ("PASS", f"{metric} of spam")
    assert "on 1,000 test samples, of which 100 are of the class" in seen.sentence
    assert verdict(WORSE, metric=metric, of="spam", min=0.96).outcome == "FAIL"


def test_what_is_lost_of_a_rare_class_does_not_hide_behind_the_others() -> None:
    loses = verdict(WORSE, metric="f1", of="spam", margin=0.03)
    expected = paired_class(LABELS, WORSE, BASELINE, of=1, metric="f1")
    assert (loses.value, loses.low, loses.high) == (expected.value, expected.low, expected.high)
    assert loses.outcome == "FAIL"
    assert loses.sentence.startswith("The f1 of spam is 84.21 %")
    assert verdict(WORSE, metric="accuracy", margin=0.03).outcome == "PASS"
    assert verdict(WORSE, metric="f1", of="ham", margin=0.03).outcome == "PASS"


def test_where_nothing_is_compared_the_class_is_named() -> None:
    rule = {"metric": "recall", "of": "spam", "margin": 0.03, "versus": ["production"]}
    seen = verdict(WORSE, **rule)
    assert (seen.outcome, seen.metric) == ("NO_BASELINE", "recall of spam")


@pytest.mark.parametrize(("metric", "reached"), [("recall", 1.0), ("precision", 0.1), ("f1", 0.2 / 1.1)])
def test_only_a_floor_that_one_answer_for_all_does_not_reach_shows_that_something_was_learnt(
    metric: str, reached: float
) -> None:
    for least in (reached - 0.01, reached + 0.01):
        if least < 1:
            rule = {"metric": metric, "of": "spam", "min": least}
            results = results_of(NAMES, LABELS, {"baseline": BASELINE, "a": WORSE}, [rule])
            found = results.params.gate.rules[0]
            assert shows_learning(found, "test", results) is (least > reached)  # type: ignore[arg-type]


def test_a_class_that_the_data_has_not_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"metric": "f1", "of": "spm", "min": 0.6}
    results = results_of(NAMES, LABELS, {"baseline": BASELINE, "a": WORSE}, [rule])
    monkeypatch.setattr(guarding, "read_dataset", lambda: results.dataset)
    with pytest.raises(ConfigError, match=r"'ham', 'spam'\. Received: 'spm'"):
        expect_rules_fit(results.params)


def test_the_figure_is_that_of_the_answers() -> None:
    given = {"metric": "f1", "of": "spam", "min": 0.6}
    results = results_of(NAMES, LABELS, {"baseline": BASELINE, "a": WORSE}, [given])
    rule: Any = results.params.gate.rules[0]
    answers = results.answers("baseline", "test")
    assert np.array_equal(top(answers), BASELINE)
    assert results.measuring.metric_of(rule, results.dataset).value(answers) == pytest.approx(190 / 205)
