import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.classes.measuring import ClassesMeasuring
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tasks.workloads.outcomes.classes.thresholds import Goal, choose_offsets

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def drawn(seed: int, samples: int, classes: int, rare: float = 0.1) -> Drawn:
    """Logits that know their classes badly, the last of which is rare."""
    rng = np.random.default_rng(seed)
    shares = np.array([1.0] * (classes - 1) + [rare])
    targets = rng.choice(classes, samples, p=shares / shares.sum())
    logits = rng.normal(0, 1, (samples, classes)) + 1.5 * np.eye(classes)[targets] + np.log(shares)
    return logits.astype(np.float32), targets.astype(np.int64)


def value(outputs: NDArray[np.float32], offsets: tuple[float, ...], targets: NDArray[np.int64], goal: Goal) -> float:
    said = (outputs + np.array(offsets, np.float32)).argmax(axis=1)
    if goal == "accuracy":
        return float(np.mean(said == targets))
    return float(f1_score(targets, said, labels=range(outputs.shape[1]), average="macro", zero_division=0))


@pytest.mark.parametrize("goal", ["f1", "accuracy"])
@pytest.mark.parametrize("seed", range(8))
def test_of_two_classes_the_threshold_is_the_best_there_is(seed: int, goal: Goal) -> None:
    outputs, targets = drawn(seed, 150, 2)
    margins = np.sort(outputs[:, 0] - outputs[:, 1])
    every = [(0.0, float(cut)) for cut in (margins[1:] + margins[:-1]) / 2]
    best = max(value(outputs, offsets, targets, goal) for offsets in [(0.0, 0.0), *every])
    assert value(outputs, choose_offsets(outputs, targets, goal), targets, goal) == pytest.approx(best)


@pytest.mark.parametrize(("goal", "classes"), list(itertools.product(["f1", "accuracy"], [3, 7])))
def test_of_several_classes_no_single_change_would_be_better(goal: Goal, classes: int) -> None:
    outputs, targets = drawn(3, 200, classes)
    offsets = choose_offsets(outputs, targets, goal)
    reached = value(outputs, offsets, targets, goal)
    assert reached > value(outputs, (0.0,) * classes, targets, goal)
    for index, change in itertools.product(range(classes), np.linspace(-4, 4, 81)):
        other = tuple(offset + change * (place == index) for place, offset in enumerate(offsets))
        assert value(outputs, other, targets, goal) <= reached + 1e-9


def test_where_nothing_is_better_the_largest_logit_stays_the_answer() -> None:
    targets = np.arange(12) % 3
    outputs = 5 * np.eye(3, dtype=np.float32)[targets]
    assert choose_offsets(outputs, targets, "f1") == (0.0, 0.0, 0.0)
    assert choose_offsets(outputs[:0], targets[:0], "f1") == (0.0, 0.0, 0.0)


def test_equal_margins_go_over_together_as_they_do_on_a_device() -> None:
    rng = np.random.default_rng(1)
    outputs, targets = rng.integers(0, 3, (300, 3)).astype(np.float32), rng.integers(0, 3, 300)
    offsets = choose_offsets(outputs, targets, "f1")
    assert value(outputs, offsets, targets, "f1") >= value(outputs, (0.0,) * 3, targets, "f1")


def test_they_are_settled_where_params_ask_for_them_and_the_answers_follow() -> None:
    outputs, targets = drawn(5, 400, 3)
    measuring, answers = ClassesMeasuring(), Answers(outputs, targets)
    assert measuring.settle(answers, ClassesSettings()) == ()
    numbers = measuring.settle(answers, ClassesSettings(thresholds="f1"))
    settled = Answers(measuring.settled(outputs, numbers), targets)
    assert measuring.measure(settled)["f1"] == pytest.approx(value(outputs, numbers, targets, "f1"))
    assert measuring.measure(settled)["f1"] > measuring.measure(answers)["f1"]
    said = [measuring.predict("?", measuring.settled(output, numbers), "abc").label for output in outputs]
    assert said == ["abc"[index] for index in settled.outputs.argmax(axis=1)]
    assert measuring.settled(outputs, ()) is outputs
