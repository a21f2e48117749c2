"""Figures of the next token against their definitions, and what completes a text."""

import math

import numpy as np
import pytest

from tasks.backend import tensorflow
from tasks.errors import EvaluationError
from tasks.workloads.metric import Answers
from tasks.workloads.outcomes.next_token.learning import NextTokenLearning
from tasks.workloads.outcomes.next_token.measuring import NextTokenMeasuring
from tasks.workloads.outcomes.next_token.metrics import NextTokenAccuracy, Perplexity

ROWS, OTHERS = 12, 40


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and targets of windows of a quarter as many texts; token 1 is unknown."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, ROWS)).astype(np.float32)
    tokens = rng.integers(0, ROWS, count)
    targets = np.stack([tokens, np.where(tokens == 1, OTHERS, 0), np.arange(count) // 4], axis=1)
    return logits, targets.astype(np.int32)


def answers(logits: np.ndarray, targets: np.ndarray) -> Answers:
    return NextTokenMeasuring().reduced(logits, targets)


def test_perplexity_is_that_of_the_definition() -> None:
    logits, targets = drawn(200, 1)
    log_p = []
    for row, (token, others, _) in zip(logits.astype(float).tolist(), targets.tolist(), strict=True):
        chance = math.exp(row[token]) / sum(map(math.exp, row))
        log_p.append(math.log(chance / (others or 1)))  # an unknown token is one of 40, all alike
    found = answers(logits, targets)
    assert Perplexity().value(found) == pytest.approx(math.exp(-sum(log_p) / len(log_p)), rel=1e-5)
    said = [row.index(max(row)) for row in logits.tolist()]
    assert NextTokenAccuracy().value(found) == pytest.approx(np.mean(said == targets[:, 0]))


def test_training_measures_what_the_gate_measures() -> None:
    logits, targets = drawn(300, 2)
    learning, tf = NextTokenLearning(), tensorflow()
    metric = learning.metric()
    for part in (slice(0, 100), slice(100, 300)):
        metric.update_state(targets[part], logits[part])
    loss, perplexity = learning.score(targets, logits)
    assert metric.name == Perplexity.name
    assert float(metric.result()) == pytest.approx(perplexity, rel=1e-5)
    assert Perplexity().value(answers(logits, targets)) == pytest.approx(perplexity, rel=1e-5)
    each = learning.each_loss(tf.constant(targets), tf.constant(logits))
    assert float(tf.reduce_mean(each)) == pytest.approx(loss, rel=1e-5)
    assert float(tf.reduce_mean(learning.loss()(targets, logits))) == pytest.approx(loss, rel=1e-5)


def test_a_smaller_vocabulary_gains_nothing_by_not_knowing() -> None:
    """A model that lumps rare tokens together has the perplexity of one that takes them as equally likely."""
    rng = np.random.default_rng(3)
    shares = np.array([0.5, 0.3, *[0.02] * 10])
    tokens = rng.choice(12, 4000, p=shares)
    texts = np.arange(4000) // 5
    whole = np.broadcast_to(np.log(shares), (4000, 12)).astype(np.float32)
    knows = answers(whole, np.stack([tokens, np.zeros(4000), texts], axis=1).astype(np.int32))
    lumped = np.broadcast_to(np.log([0.5, 0.2, 0.3]), (4000, 3)).astype(np.float32)
    number = np.where(tokens >= 2, 1, np.where(tokens == 1, 2, 0))
    targets = np.stack([number, np.where(number == 1, 10, 0), texts], axis=1).astype(np.int32)
    assert Perplexity().value(answers(lumped, targets)) == pytest.approx(Perplexity().value(knows), rel=1e-5)


def test_a_worse_model_is_shown_to_be_worse_and_the_interval_is_over_texts() -> None:
    logits, targets = drawn(4000, 4)
    better = logits.copy()
    better[np.arange(4000), targets[:, 0]] += 3
    mine, theirs = answers(logits, targets), answers(better, targets)
    seen = Perplexity().difference(mine, theirs)
    assert seen.value == pytest.approx(Perplexity().value(mine) - Perplexity().value(theirs))
    assert 0 < seen.low < seen.value < seen.high
    copied = np.tile(np.arange(4000), 4)  # each window four times, in the same text
    more = Perplexity().difference(
        Answers(mine.outputs[copied], mine.targets[copied]), Answers(theirs.outputs[copied], theirs.targets[copied])
    )
    assert more.high - more.low == pytest.approx(seen.high - seen.low, rel=1e-3)
    at_most = NextTokenMeasuring().smallest_margin(mine, theirs, 4000, 0.95)
    assert at_most == pytest.approx((seen.high - seen.low) / 2)


def test_frequency_alone_is_the_constant_that_a_model_must_beat() -> None:
    logits, targets = drawn(3000, 5)
    targets[:, 0] = np.where(targets[:, 0] < 6, 3, targets[:, 0])
    targets[:, 1] = 0
    shares = np.bincount(targets[:, 0]) / 3000
    entropy = -sum(share * math.log(share) for share in shares if share)
    found = answers(logits, targets)
    assert Perplexity().constant(found) == pytest.approx(math.exp(entropy), rel=1e-5)
    assert NextTokenAccuracy().constant(found) == pytest.approx(shares.max())
    (constant,) = NextTokenMeasuring().constants(found, None)  # type: ignore[arg-type]
    assert NextTokenAccuracy().value(constant.answers) == pytest.approx(shares.max())
    guessing = answers(np.zeros((3000, ROWS), np.float32), targets)
    assert Perplexity().difference(guessing, constant.answers).low > 0


def test_of_one_text_nothing_is_told() -> None:
    logits, targets = drawn(50, 6)
    targets[:, 2] = 7
    with pytest.raises(EvaluationError, match="at least two texts"):
        Perplexity().interval(answers(logits, targets))


def test_a_completion_is_cut_to_its_first_tokens() -> None:
    made = NextTokenMeasuring().predict("the", np.array([0.5, 0.25, 0.75], np.float32), [" array", " is", " sorted"])
    assert made.words == ("array is sorted",)
    assert made.first(2).words == ("array is",)
    assert made.first(2).probabilities == (0.5, 0.25)
