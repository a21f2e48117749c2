"""A task that is not shown to be learnt keeps a run back, whatever the margins say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.gate import choose, rank
from tasks.evaluation.predictions import Answers, Predictions, Split
from tasks.evaluation.quality import judge
from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.results import Results
from tasks.evaluation.rules import judge_rules
from tasks.gate_settings import Learnt
from tasks.samples import Part
from tasks.workloads.outcomes.classes.metrics import METRICS
from tests.tasks.evaluation.material import make_results

WIDE = {"metric": "accuracy", "margin": 0.5}
Labels = NDArray[np.int64]


def results_of(
    classes: tuple[str, ...],
    labels: Labels,
    answers: dict[str, Labels],
    rules: list[dict[str, object]],
    trained: dict[str, int] | None = None,
) -> Results:
    """Results of models that gave these answers on both splits."""
    fares = {name: (900, 900, 1000 if name == "baseline" else 500, 50.0) for name in answers}
    results = make_results(rules, fares)
    said = {
        name: Answers(np.eye(len(classes), dtype=np.float32)[of], labels.astype(np.int64))
        for name, of in answers.items()
    }
    counts = trained or {name: int(np.sum(labels == index)) for index, name in enumerate(classes)}
    part = Part(samples=sum(counts.values()), per_class=counts, shards=())
    dataset = results.dataset.model_copy(
        update={"classes": classes, "splits": {**results.dataset.splits, "train": part}}
    )
    qualities = {
        name: results.qualities[name].model_copy(
            update={"splits": dict.fromkeys(("validation", "test"), judge(of, said["baseline"], dataset))}
        )
        for name, of in said.items()
    }
    predictions = {name: Predictions("same", {"validation": of, "test": of}) for name, of in said.items()}
    return replace(
        results,
        dataset=dataset,
        qualities={**results.qualities, **qualities},
        predictions={**results.predictions, **predictions},
    )


def held(results: Results) -> list[RuleVerdict]:
    """The verdicts that keep the chosen candidate back."""
    report = choose(results)
    found = [rule for rule in report.rules if rule.outcome in {"FAIL", "INCONCLUSIVE"}]
    assert (report.outcome == "PASS") == (not found)
    return found


def mostly(labels: Labels, right: float, classes: int, seed: int = 1) -> Labels:
    """Answers that are right for a fraction of the samples."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(labels)) < right, labels, (labels + 1) % classes)


def test_two_models_that_guess_are_held_back() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 1200)
    guesses = {name: rng.integers(0, 2, 1200) for name in ("baseline", "a")}
    found = held(results_of(("cat", "dog"), labels, guesses, [WIDE]))
    assert {verdict.metric for verdict in found} == {"learnt", "learnt_by_baseline"}
    assert all(verdict.versus == "a constant answer" for verdict in found)
    text = choose(results_of(("cat", "dog"), labels, guesses, [WIDE])).sentence
    assert "Nothing shows that the baseline has learnt the task" in text


def test_what_has_learnt_passes_without_a_word() -> None:
    labels = np.arange(1000) % 4
    answers = {name: mostly(labels, 0.8, 4, seed) for seed, name in enumerate(("baseline", "a"))}
    assert held(results_of(tuple("abcd"), labels, answers, [WIDE])) == []


@pytest.mark.parametrize("rare", [10, 30])
def test_right_for_nearly_all_is_nothing_where_nearly_all_are_one_class(rare: int) -> None:
    labels = (np.arange(1000) < rare).astype(np.int64)
    constant = np.zeros(1000, np.int64)
    found = held(results_of(("usual", "rare"), labels, {"baseline": constant, "a": constant}, [WIDE]))
    assert [verdict.outcome for verdict in found] == ["FAIL", "FAIL"]
    assert "gives the same answer, usual, for all of them" in found[0].sentence
    assert "{metric: recall, min: 0.8}" in found[0].sentence


def test_a_candidate_that_collapsed_is_held_back_although_the_margin_is_wide() -> None:
    labels = np.arange(1000) % 2
    answers = {"baseline": mostly(labels, 0.9, 2), "a": np.zeros(1000, np.int64)}
    (only,) = held(results_of(("cat", "dog"), labels, answers, [WIDE]))
    assert (only.metric, only.outcome) == ("learnt", "FAIL")
    assert "a has learnt the task" in only.sentence


def test_a_candidate_that_collapsed_is_ranked_behind_one_that_did_not() -> None:
    labels = np.arange(1000) % 2
    answers = {"baseline": mostly(labels, 0.9, 2), "a": np.zeros(1000, np.int64), "b": mostly(labels, 0.9, 2, 3)}
    assert [one.name for one in rank(results_of(("cat", "dog"), labels, answers, [WIDE]))] == ["b", "a"]


def test_samples_of_one_class_only_show_nothing() -> None:
    labels = np.zeros(1000, np.int64)
    answers = {"baseline": mostly(labels, 0.99, 2), "a": labels}
    found = held(results_of(("cat", "dog"), labels, answers, [WIDE], trained={"cat": 500, "dog": 500}))
    assert {verdict.metric for verdict in found} == {"learnt", "learnt_by_baseline"}


def test_the_most_frequent_class_of_the_samples_counts_where_the_trainings_is_another() -> None:
    labels = (np.arange(1000) < 900).astype(np.int64)
    answers = dict.fromkeys(("baseline", "a"), np.ones(1000, np.int64))  # trained on as many of both, always says dog
    found = held(results_of(("cat", "dog"), labels, answers, [WIDE], trained={"cat": 501, "dog": 500}))
    assert {verdict.metric for verdict in found} == {"learnt", "learnt_by_baseline"}


def test_few_samples_show_nothing_yet() -> None:
    labels = np.arange(10) % 2
    answers = dict.fromkeys(("baseline", "a"), np.where(np.arange(10) < 7, labels, 1 - labels))
    found = held(results_of(("cat", "dog"), labels, answers, [WIDE]))
    assert {verdict.outcome for verdict in found} == {"INCONCLUSIVE"}


def test_a_floor_that_no_constant_answer_reaches_says_what_is_good_enough() -> None:
    labels = (np.arange(2000) < 20).astype(np.int64)
    found_all = np.where(np.arange(2000) < 60, 1, 0)  # all that are rare, and forty false alarms
    answers = dict.fromkeys(("baseline", "a"), found_all)
    classes = ("usual", "rare")
    assert held(results_of(classes, labels, answers, [WIDE]))
    assert held(results_of(classes, labels, answers, [WIDE, {"metric": "recall", "min": 0.8}])) == []


def test_a_floor_that_a_constant_answer_reaches_is_none() -> None:
    labels = (np.arange(1000) < 30).astype(np.int64)
    answers = dict.fromkeys(("baseline", "a"), np.zeros(1000, np.int64))
    found = held(results_of(("usual", "rare"), labels, answers, [WIDE, {"metric": "accuracy", "min": 0.9}]))
    assert {verdict.metric for verdict in found} == {"learnt", "learnt_by_baseline"}


@pytest.mark.parametrize(
    ("classes", "floor"),
    [
        (2, {"metric": "precision", "min": 0.3}),
        (2, {"metric": "f1", "min": 0.4}),
        (2, {"metric": "f1", "min": 0.5}),
        (2, {"metric": "recall", "min": 0.5}),
        (10, {"metric": "f1", "min": 0.05}),
        (10, {"metric": "precision", "min": 0.08}),
    ],
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_floor_that_a_guess_reaches_is_none(classes: int, floor: dict[str, object], split: Split) -> None:
    rng = np.random.default_rng(1)
    labels, same = (rng.integers(0, classes, 4000) for _ in range(2))
    rules = [{"metric": "accuracy", "margin": 0.03}, floor]
    results = results_of(tuple("abcdefghij")[:classes], labels, dict.fromkeys(("baseline", "a"), same), rules)
    found = {verdict.metric for verdict in judge_rules("a", split, results) if verdict.outcome != "PASS"}
    assert found >= {"learnt", "learnt_by_baseline"}


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.data())
def test_no_guess_is_expected_to_reach_more_than_the_blind_figure(sizes: list[int], data: st.DataObject) -> None:
    classes, said = len(sizes), data.draw(st.lists(st.integers(0, 20), min_size=len(sizes), max_size=len(sizes)))
    pairs = [(k, answer) for k in range(classes) for answer in range(classes) for _ in range(sizes[k] * said[answer])]
    assume(pairs)  # each label as often with each answer as shares have it: what a guess is expected to give
    labels, guesses = (np.array(column) for column in zip(*pairs, strict=True))
    answers = Answers(np.eye(classes, dtype=np.float32)[guesses], labels)
    for metric in METRICS:
        assert metric.value(answers) <= metric.blind(answers) + 1e-9
        assert metric.blind(answers) >= metric.constant(answers) - 1e-9


def test_the_best_constant_answer_is_the_most_frequent_class_by_every_metric() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    answers = {k: Answers(np.eye(3, dtype=np.float32)[np.full(10, k)], labels) for k in range(3)}
    for metric in METRICS:
        of_each = [metric.value(one) for one in answers.values()]
        assert metric.constant(answers[0]) == pytest.approx(max(of_each))


def test_it_is_as_confident_as_its_setting() -> None:
    labels = np.arange(200) % 2
    answers = dict.fromkeys(("baseline", "a"), np.where(np.arange(200) < 122, labels, 1 - labels))
    results = results_of(("cat", "dog"), labels, answers, [WIDE])
    for confidence, outcome in ((0.95, "PASS"), (0.9999, "INCONCLUSIVE")):
        gate = results.params.gate.model_copy(update={"learnt": Learnt(confidence=confidence)})
        assert choose(replace(results, params=results.params.model_copy(update={"gate": gate}))).outcome == outcome
