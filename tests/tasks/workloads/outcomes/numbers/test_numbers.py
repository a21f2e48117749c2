"""Predicted numbers: their errors, the intervals of these, and what training aims at."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.numbers import Numbers
from tasks.workloads.outcomes.numbers.learning import NumbersLearning
from tasks.workloads.outcomes.numbers.measuring import NumbersMeasuring
from tasks.workloads.outcomes.numbers.metrics import Mae, Rmse
from tasks.workloads.outcomes.numbers.targets import encode_targets, outputs_of, target_of

ITEMS, ROOM = 9, 5
Array = NDArray[Any]


def drawn(users: int, seed: int = 0) -> tuple[Array, Array, list[list[tuple[int, float]]]]:
    """Outputs, targets, and the pairs that the targets stand for; an unknown item is among them."""
    rng = np.random.default_rng(seed)
    wanted = [
        [
            (int(row), float(rng.integers(1, 6)))
            for row in rng.choice(ITEMS + 1, rng.integers(1, ROOM + 1), replace=False)
        ]
        for _ in range(users)
    ]
    outputs = rng.normal(3, 1, (users, 1 + ITEMS)).astype(np.float32)
    return outputs, encode_targets(wanted, target_of(ITEMS, ROOM)), wanted


def errors(outputs: Array, wanted: list[list[tuple[int, float]]]) -> list[list[float]]:
    return [[float(row[item]) - stars for item, stars in pairs] for row, pairs in zip(outputs, wanted, strict=True)]


def test_a_network_gives_a_number_for_each_item_and_one_for_others() -> None:
    assert outputs_of(target_of(ITEMS, ROOM)) == 1 + ITEMS
    assert outputs_of(Numbers().target) == 2


def test_errors_are_those_over_all_items_of_all_users() -> None:
    outputs, targets, wanted = drawn(40)
    flat = np.array([error for row in errors(outputs, wanted) for error in row])
    found = NumbersMeasuring().measure(NumbersMeasuring().reduced(outputs, targets))
    assert found == {"rmse": pytest.approx(np.sqrt((flat**2).mean())), "mae": pytest.approx(np.abs(flat).mean())}
    loss, rmse = NumbersLearning().score(targets, outputs)
    assert rmse == pytest.approx(found["rmse"])
    assert loss == pytest.approx(np.mean([np.mean(np.square(row)) for row in errors(outputs, wanted)]))


def test_what_training_minimizes_is_what_is_scored() -> None:
    outputs, targets, wanted = drawn(40)
    learning: Any = NumbersLearning()
    each = np.asarray(learning.each_loss(targets, outputs))
    np.testing.assert_allclose(each, [np.mean(np.square(row)) for row in errors(outputs, wanted)], rtol=1e-5)
    metric = learning.metric()
    for part in (slice(0, 7), slice(7, 40)):  # users of different numbers of items, in batches
        metric.update_state(targets[part], outputs[part])
    assert metric.name == "rmse"
    assert float(metric.result()) == pytest.approx(learning.score(targets, outputs)[1], rel=1e-5)
    assert np.asarray(learning.each_loss(np.zeros((1, 2 * ROOM), np.float32), outputs[:1])).tolist() == [0.0]
    assert float(np.asarray(learning.each_taught_loss(outputs, outputs + 1, 2.0))[0]) == pytest.approx(0.25)
    assert learning.same_answers(outputs, outputs, np.zeros(40)) is None


def test_a_constant_is_best_where_it_is_the_mean_and_the_median() -> None:
    outputs, targets, wanted = drawn(200)
    stars = np.array([rating for row in wanted for _, rating in row])
    answers = NumbersMeasuring().reduced(outputs, targets)
    assert Rmse().constant(answers) == pytest.approx(stars.std(), rel=1e-5)
    assert Mae().constant(answers) == pytest.approx(np.abs(stars - np.median(stars)).mean(), rel=1e-5)
    (mean,) = NumbersMeasuring().constants(answers, None)  # type: ignore[arg-type]
    assert Rmse().value(mean.answers) == pytest.approx(stars.std(), rel=1e-5)
    assert Mae().value(mean.answers) == pytest.approx(np.abs(stars - stars.mean()).mean(), rel=1e-5)


@pytest.mark.parametrize("metric", [Rmse(), Mae()], ids=["rmse", "mae"])
def test_intervals_hold_the_truth_as_often_as_they_say(metric: Any) -> None:
    """Users lean each their own way, so that their items are not independent; the other model differs a little."""
    rng, held, compared, draws = np.random.default_rng(7), 0, 0, 400
    deviation, share = math.sqrt(0.5**2 + 0.8**2), math.sqrt(2 / math.pi)
    truth = deviation if metric.name == "rmse" else deviation * share
    wider = math.sqrt(0.5**2 + 1.0**2)
    gap = (wider - deviation) * (1.0 if metric.name == "rmse" else share)
    for _ in range(draws):
        wanted = [[(item, 3.0) for item in range(1, rng.integers(2, ROOM + 1))] for _ in range(150)]
        lean: Array = rng.normal(0, 0.5, (150, 1))
        noise: Array = rng.normal(0, 1, (150, 1 + ITEMS))
        targets = encode_targets(wanted, target_of(ITEMS, ROOM))
        outputs = [(3 + lean + size * noise).astype(np.float32) for size in (1.0, 0.8)]
        mine, theirs = (NumbersMeasuring().reduced(each, targets) for each in outputs)
        interval, difference = metric.interval(theirs), metric.difference(mine, theirs)
        held += interval.low <= truth <= interval.high
        compared += difference.low <= gap <= difference.high
    assert 0.92 * draws <= held <= 0.98 * draws
    assert 0.92 * draws <= compared <= 0.98 * draws


def test_equal_models_differ_by_nothing_and_less_is_better() -> None:
    outputs, targets, _ = drawn(40)
    answers = NumbersMeasuring().reduced(outputs, targets)
    difference = Rmse().difference(answers, answers)
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert Rmse().sign == -1
    assert not Rmse().is_fraction
    other = Answers(NumbersMeasuring().reduced((outputs + 0.1).astype(np.float32), targets).outputs, answers.targets)
    few, many = (NumbersMeasuring().smallest_margin(other, answers, count, 0.95) for count in (40, 4000))
    assert 0 < many < few


def test_an_item_that_a_release_does_not_know_is_answered_as_unknown() -> None:
    outputs, targets, wanted = drawn(40)
    fewer = outputs[:, :4]
    found = NumbersMeasuring().measure(NumbersMeasuring().reduced(fewer, targets))
    known = [[(item if item < 4 else 0, stars) for item, stars in pairs] for pairs in wanted]
    flat = np.array([error for row in errors(fewer, known) for error in row])
    assert found["rmse"] == pytest.approx(np.sqrt((flat**2).mean()))


def test_people_are_told_how_the_mean_would_do_and_how_predictions_lean() -> None:
    outputs, targets, wanted = drawn(40)
    measuring = NumbersMeasuring()
    answers = measuring.reduced(outputs, targets)
    details = measuring.details(answers, None, None)  # type: ignore[arg-type]
    flat = np.array([error for row in errors(outputs, wanted) for error in row])
    assert details["bias"] == pytest.approx(flat.mean(), rel=1e-4)
    first, second = measuring.describe_limits(details, "histories")
    assert "ratings of the validation histories" in first
    assert f"too {'large' if flat.mean() > 0 else 'small'} in the mean" in second
    answer = measuring.predict("asked", np.array([1.5, -np.inf, 4.25], np.float32), ["a", "b", "c"])
    assert answer.words == ("c 4.25, a 1.50",)
    assert answer.first(1).items == {"c": 4.25}
