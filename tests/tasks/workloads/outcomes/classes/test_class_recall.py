from collections.abc import Mapping

import numpy as np
import pytest

from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.rules import apply_rule
from tasks.statistics import tango
from tasks.wording import points_interval
from tasks.workloads.outcomes.classes.class_recall import ClassDifference, needed, simultaneous
from tests.tasks.evaluation.test_learnt import results_of

Counts = Mapping[str, tuple[int, int, int, int]]  # class → samples, right in both, only in the candidate, only before


def verdict(counts: Counts, margin: float = 0.05, confidence: float = 0.95) -> RuleVerdict:
    labels, mine, theirs = [], [], []
    names = tuple(counts)
    for index, (samples, both, better, worse) in enumerate(counts.values()):
        other = (index + 1) % len(names)
        neither = samples - both - better - worse
        labels += [index] * samples
        mine += [index] * (both + better) + [other] * (worse + neither)
        theirs += [index] * both + [other] * better + [index] * worse + [other] * neither
    rule = {"metric": "recall", "per_class": True, "margin": margin, "confidence": confidence}
    results = results_of(names, np.array(labels), {"baseline": np.array(theirs), "a": np.array(mine)}, [rule])
    (only,) = apply_rule(results.params.gate.rules[0], "a", "test", results)
    return only


def test_it_passes_where_no_class_loses_more_than_the_margin() -> None:
    seen = verdict({"cat": (1000, 950, 5, 5), "dog": (1000, 950, 5, 8)})
    assert (seen.outcome, seen.metric, seen.limit) == ("PASS", "recall_per_class", -0.05)
    assert seen.value == pytest.approx(-0.003)
    assert seen.low == pytest.approx(tango(5, 8, 1000, simultaneous(0.95, 2)).low)
    assert "each of the 2 classes" in seen.sentence


def test_one_class_that_loses_fails_it_however_good_the_mean_is() -> None:
    seen = verdict({"cat": (1000, 800, 150, 5), "dog": (300, 200, 0, 60)})
    assert seen.outcome == "FAIL"
    assert "1 of the 2 classes" in seen.sentence
    assert "dog −20.00" in seen.sentence
    assert "cat" not in seen.sentence


def test_a_class_of_few_samples_is_named_with_the_samples_that_it_needs() -> None:
    seen = verdict({"cat": (1000, 950, 5, 5), "dog": (20, 20, 0, 0), "cow": (0, 0, 0, 0)})
    assert seen.outcome == "INCONCLUSIVE"
    confidence = simultaneous(0.95, 3)
    enough = next(n for n in range(1, 1000) if tango(0, 0, n, confidence).low > -0.05)
    assert f"cow has no samples, and at least {enough} are needed" in seen.sentence
    few = tango(0, 0, 20, confidence)
    assert f"dog 0.00 ({points_interval(few)}) on 20 samples, at least {enough} needed" in seen.sentence
    assert "cat" not in seen.sentence


def test_many_classes_that_are_not_decided_are_counted() -> None:
    seen = verdict({f"c{index}": (10, 10, 0, 0) for index in range(9)})
    assert "9 of the 9 classes" in seen.sentence
    assert seen.sentence.count("samples, at least") == 5
    assert "and 4 more" in seen.sentence


def test_what_is_needed_goes_on_with_what_was_seen() -> None:
    confidence = simultaneous(0.95, 10)
    lossy = ClassDifference("dog", 100, 1, 4, tango(1, 4, 100, confidence))
    enough = needed(lossy, 0.05, confidence)
    assert enough
    assert tango(0.01 * enough, 0.04 * enough, enough, confidence).low > -0.05
    assert tango(0.01 * (enough - 1), 0.04 * (enough - 1), enough - 1, confidence).low <= -0.05
    beyond = ClassDifference("cat", 100, 0, 10, tango(0, 10, 100, confidence))
    assert needed(beyond, 0.05, confidence) is None


@pytest.mark.parametrize("classes", [2, 10])
def test_all_intervals_hold_at_once_as_often_as_was_asked(classes: int) -> None:
    rng, confidence = np.random.default_rng(1), simultaneous(0.95, classes)
    held = 0
    for _ in range(400):
        better, worse = rng.multinomial(200, [0.05, 0.08, 0.87], size=classes)[:, :2].T
        seen = [tango(int(b), int(w), 200, confidence) for b, w in zip(better, worse, strict=True)]
        held += all(one.low <= -0.03 <= one.high for one in seen)
    assert held / 400 >= 0.95 - 3 * 0.011


def test_many_classes_ask_for_more_than_one_does() -> None:
    assert simultaneous(0.95, 1) == 0.95
    assert simultaneous(0.95, 10) ** 10 == pytest.approx(0.95)
