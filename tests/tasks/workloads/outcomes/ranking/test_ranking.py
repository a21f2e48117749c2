"""A ranking's figures against their definitions, computed in another way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.backend import tensorflow
from tasks.workloads.outcomes.ranking.learning import RankingLearning
from tasks.workloads.outcomes.ranking.measuring import RankingMeasuring
from tasks.workloads.outcomes.ranking.ranks import FIGURES, figures, figures_of
from tasks.workloads.outcomes.ranking.targets import encode_targets, target_of

ITEMS = 30


def defined(scores: list[float], wanted: list[int], seen: list[int], unknown: int) -> tuple[float, float, float]:
    """NDCG, hit rate and recall of the first ten, by sorting pairs."""
    ranked = sorted((-score, item) for item, score in enumerate(scores, start=1) if item not in seen)[:10]
    first = [item for _, item in ranked]
    gain = sum(1 / math.log2(place + 2) for place, item in enumerate(first) if item in wanted)
    count = len(wanted) + unknown
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, count)))
    found = len(set(first) & set(wanted))
    return gain / ideal, float(found > 0), found / count


@given(st.data())
def test_figures_are_those_of_the_definitions(data: st.DataObject) -> None:
    scores = data.draw(st.lists(st.integers(0, 6).map(float), min_size=ITEMS, max_size=ITEMS))  # with many equal ones
    items = data.draw(st.permutations(range(1, ITEMS + 1)))
    count, known = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 15))
    wanted, seen = items[:count], items[count : count + known]
    unknown = data.draw(st.integers(0 if count else 1, 3))
    (target,) = encode_targets([[*wanted, *[0] * unknown]], [seen], target_of(ITEMS, 40))
    made = figures(np.array(scores), target)
    np.testing.assert_allclose(made[:3], defined(scores, wanted, seen, unknown), rtol=1e-6)
    first = made[len(FIGURES) :]
    assert not set(first[first > 0].astype(int).tolist()) & set(seen)


def test_training_measures_what_the_gate_measures() -> None:
    rng = np.random.default_rng(3)
    scores = np.round(rng.standard_normal((50, ITEMS)), 1).astype(np.float32)
    orders = [rng.permutation(np.arange(1, ITEMS + 1)) for _ in range(50)]
    sizes = rng.integers(1, 9, 50)
    wanted = [[*order[:size].tolist(), *[0] * (size % 2)] for order, size in zip(orders, sizes, strict=True)]
    targets = encode_targets(
        wanted,
        [order[size : 2 * size].tolist() for order, size in zip(orders, sizes, strict=True)],
        target_of(ITEMS, 25),
    )
    learning = RankingLearning()
    metric = learning.metric()
    metric.update_state(targets, scores)
    loss, ndcg = learning.score(targets, scores)
    assert float(metric.result()) == pytest.approx(ndcg, rel=1e-5)
    assert figures_of(scores, targets)[:, 0].mean() == pytest.approx(ndcg)
    tf = tensorflow()
    each = learning.each_loss(tf.constant(targets), tf.constant(scores))
    assert float(tf.reduce_mean(each)) == pytest.approx(loss, rel=1e-5)
    assert float(learning.loss()(targets, scores)) == pytest.approx(loss, rel=1e-5)


def test_the_sampled_figures_rank_among_ninety_nine_others() -> None:
    items, rng = 1000, np.random.default_rng(5)
    targets = encode_targets(
        [[int(each)] for each in rng.integers(1, items + 1, 400)], [[] for _ in range(400)], target_of(items, 5)
    )
    scores = rng.standard_normal((400, items))
    found = figures_of(scores, targets)
    hit, sampled = found[:, 1].mean(), found[:, 4].mean()
    assert (hit, sampled) == (pytest.approx(0.01, abs=0.03), pytest.approx(0.1, abs=0.05))  # what chance reaches
    np.testing.assert_array_equal(found, figures_of(scores, targets))


def test_the_constant_answer_is_the_most_frequent_items() -> None:
    targets = encode_targets([[1], [2], [25]], [[2, 3], [], []], target_of(ITEMS, 5))
    measuring = RankingMeasuring()
    answers = measuring.reduced(np.zeros((3, ITEMS), np.float32), targets)
    (constant,) = measuring.constants(answers, None)  # type: ignore[arg-type]
    np.testing.assert_allclose(constant.answers.outputs[:, 0], [1, 1 / math.log2(3), 0], rtol=1e-6)
    details = measuring.details(answers, None, None)  # type: ignore[arg-type]
    assert details["coverage"] == pytest.approx(12 / ITEMS)


def test_prediction_names_the_best_first_and_nothing_that_is_no_answer() -> None:
    output = np.array([0.1, -np.inf, 3.0, 2.0], np.float64)
    found = RankingMeasuring().predict("x", output, ["a", "b", "c", "d"])  # type: ignore[arg-type]
    assert list(found.items) == ["c", "d", "a"]
    assert found.label == "c"
    assert found.first(2).words == ("c, d",)
