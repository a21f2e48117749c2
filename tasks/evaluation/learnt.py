"""Show that a model has learnt its task: it is right more often than the best answer that is always the same.

Non-inferiority alone does not ask that: two models that have both learnt nothing are equally good. So the baseline and
the candidate must each beat the constant answer on the same samples, by a paired interval; unless params.yaml sets a
floor that no constant answer reaches.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tasks.config import QualityMetric, QualityRule
from tasks.evaluation.predictions import Split
from tasks.evaluation.records import BASELINE, Outcome, RuleVerdict
from tasks.evaluation.results import Results
from tasks.evaluation.verdicts import level
from tasks.evaluation.wording import percent, points, points_interval
from tasks.statistics import tango

LEARNT = "learnt"  # the verdict's metric
CONSTANT = "a constant answer"


def judge_learnt(name: str, split: Split, results: Results) -> Iterator[RuleVerdict]:
    """Give a verdict if it is not shown that a model has learnt its task, none if it is.

    Args:
        name: the baseline, or a candidate.
        split: whose samples.
        results: where the answers are.
    """
    if any(shows_learning(rule, split, results) for rule in results.params.gate.rules if isinstance(rule, QualityRule)):
        return
    verdict = beside_constant(name, split, results)
    if verdict.outcome != "PASS":
        yield verdict


def shows_learning(rule: QualityRule, split: Split, results: Results) -> bool:
    """Tell whether a rule sets a floor that no constant answer reaches on these samples."""
    if rule.min is None:
        return False
    labels = results.answers(BASELINE, split).labels
    return rule.min > best_constant(rule.metric, labels, len(results.dataset.classes))


def best_constant(metric: QualityMetric, labels: NDArray[np.int64], classes: int) -> float:
    """Give the best figure that a constant answer reaches: that of the most frequent class."""
    share = float(np.bincount(labels, minlength=classes).max()) / len(labels)
    match metric:
        case "accuracy":
            return share
        case "precision":
            return share / classes
        case "recall":
            return 1 / classes
        case "f1":
            return 2 * share / (1 + share) / classes


def beside_constant(name: str, split: Split, results: Results) -> RuleVerdict:
    """Compare a model with two constant answers: the training's most frequent class, and that of these samples."""
    answers, classes = results.answers(name, split), results.dataset.classes
    trained = results.dataset.splits["train"].per_class
    frequent = max(range(len(classes)), key=lambda index: trained.get(classes[index], 0))
    here = int(np.bincount(answers.labels, minlength=len(classes)).argmax())
    confidence, samples = results.params.gate.learnt.confidence, len(answers.labels)
    beside = {}
    for answer in (frequent, here):
        hit = answers.labels == answer
        better, worse = int(np.sum(answers.right & ~hit)), int(np.sum(hit & ~answers.right))
        beside[answer] = tango(better, worse, samples, confidence)
    answer = min(beside, key=lambda index: beside[index].low)
    seen, is_constant = beside[answer], len(np.unique(answers.top)) == 1
    outcome: Outcome = "PASS" if seen.low > 0 else "FAIL" if seen.high < 0 or is_constant else "INCONCLUSIVE"
    who = "the baseline" if name == BASELINE else name
    always = f", and gives the same answer, {classes[int(answers.top[0])]}, for all of them" if is_constant else ""
    return RuleVerdict(
        metric=LEARNT if name != BASELINE else f"{LEARNT}_by_{BASELINE}",
        versus=CONSTANT,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=0.0,
        sentence=(
            f"Nothing shows that {who} has learnt the task: it is right for {percent(float(answers.right.mean()))} of "
            f"{samples:,} {split} samples{always}. To say {classes[answer]} of every sample is right for "
            f"{percent(float(np.mean(answers.labels == answer)))}, and the difference is {points(seen.value)} points "
            f"({level(confidence)} {points_interval(seen)}), not clearly above 0. Look at the labels, or train on more "
            f"samples or for longer. Where one class is most of the samples, set a floor that no constant answer "
            f"reaches, as {{metric: recall, min: 0.8}}."
        ),
    )
