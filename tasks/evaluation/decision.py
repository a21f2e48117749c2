"""The decision: the chosen candidate and its opponents answer the sealed test samples, once, at the level that is paid.

What comes of it is one bit; where a person may release what is INCONCLUSIVE, also whether it is FAIL. The answers and
their figures are neither written nor shown: whoever saw them could make the next candidate fit the samples, and no
level would hold (see docs/explanation/ledger.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.compression.records import candidate_model
from tasks.config import Params, QualityRule, Sealed
from tasks.errors import EvaluationError
from tasks.evaluation.predictions import Predictions
from tasks.evaluation.quality import as_settled, judge, predictions_of
from tasks.evaluation.records import BASELINE, PRODUCTION, PRODUCTION_TFLITE, Decision, Outlook, Question
from tasks.evaluation.results import Results
from tasks.evaluation.rules import judge_rules, overall
from tasks.files import sha256
from tasks.samples import split_digest
from tasks.spending import ErrorBudget, one_sided, two_sided
from tasks.training.records import BASELINE_TFLITE
from tasks.wording import confidence, percent, times

MOST_COUNTED = 1_000  # decisions that are counted one by one


def decide(
    results: Results, question: Question, used: NDArray[np.bool_], level: float
) -> Literal["PASS", "FAIL", "INCONCLUSIVE"]:
    """Return whether every rule is proven on the sealed samples, and whether one is broken, if that is asked.

    Args:
        results: of the stages; the gate has chosen.
        question: what was asked and paid for.
        used: which samples of the test split are asked, ``[n]``.
        level: that the ledger grants: the probability of a PASS if a rule is broken.

    Raises:
        EvaluationError: a model or a sample is not the one that was asked about.
    """
    if results.gate is None:
        raise ValueError("Expected results with the gate's verdict. Received: none.")
    chosen = results.gate.chosen
    models = {chosen: candidate_model(chosen), BASELINE: BASELINE_TFLITE, PRODUCTION: PRODUCTION_TFLITE}
    named = {chosen: question.candidate, **question.opponents}
    present = {name: models[name] for name, digest in named.items() if digest is not None}
    check_question(present, named, question)
    asked = ask(results, present, used)
    verdicts = judge_rules(chosen, "test", replace(asked, params=at_level(asked.params, level)))
    match overall(verdicts):
        case "PASS":
            return "PASS"
        case "FAIL" if question.tells_failure:
            return "FAIL"
        case _:
            return "INCONCLUSIVE"


def check_question(present: Mapping[str, Path], named: Mapping[str, str | None], question: Question) -> None:
    """Refuse to spend an entry of the ledger on other files than it names.

    Args:
        present: the files, by the names of their models.
        named: the digests that the question has, by the same names; None for what is not there.
        question: that is to be decided.

    Raises:
        EvaluationError: a file or the test split is another one.
    """
    found = {name: sha256(path) if path.exists() else "no such file" for name, path in present.items()}
    found["the test split"] = split_digest("test")
    for name, digest in {**named, "the test split": question.samples}.items():
        if digest is not None and found[name] != digest:
            raise EvaluationError(
                f"Expected {name} to have the digest {digest[:12]}, about which the decision is. "
                f"Received: {found[name][:12]}. It was changed meanwhile: run `slimline run` again."
            )


def ask(results: Results, models: Mapping[str, Path], used: NDArray[np.bool_] | None = None) -> Results:
    """Return results that know the answers to the test split as well; they are for a decision, or for research.

    Args:
        results: of the stages.
        models: which models are asked, the baseline among them.
        used: which samples, ``[n]``; all by default.
    """
    found = {
        name: as_settled(
            predictions_of(path, results.dataset, ("test",), used), results.qualities[name].settled, results.measuring
        ).splits["test"]
        for name, path in models.items()
    }
    predictions, qualities = dict(results.predictions), dict(results.qualities)
    for name, answers in found.items():
        before, baseline = predictions[name], None if name == BASELINE else found[BASELINE]
        predictions[name] = Predictions(before.data, {**before.splits, "test": answers})
        seen = judge(answers, baseline, results.dataset)
        quality = qualities[name]
        qualities[name] = quality.model_copy(update={"splits": {**quality.splits, "test": seen}})
    return replace(results, predictions=predictions, qualities=qualities)


def at_level(params: Params, level: float) -> Params:
    """Return the same parameters, whatever is decided on sealed samples to be proven at a level.

    Args:
        params: of the project.
        level: probability of a false PASS, one-sided.
    """
    gate = params.gate
    rules = tuple(_proven_at(rule, level) if isinstance(rule, Sealed) else rule for rule in gate.rules)
    leveled = gate.model_copy(update={"rules": rules, "learnt": _proven_at(gate.learnt, level)})
    return params.model_copy(update={"gate": leveled})


def _proven_at(rule: Any, level: float) -> Any:
    return rule.model_copy(update={"confidence": max(rule.confidence, two_sided(level))})


def ceiling(params: Params) -> float:
    """Return the level of the least confident rule: no decision is taken at a higher one.

    Args:
        params: of the project.
    """
    return max(one_sided(rule.confidence) for rule in params.gate.sealed)


def provable(results: Results, budget: ErrorBudget, samples: int) -> int | None:
    """Return how many decisions could still prove the first rule's margin for a candidate as good as the baseline.

    It counts decisions that do not pass; the answers are taken to differ as on validation.

    Args:
        results: of the stages; the gate has chosen.
        budget: what the samples have left.
        samples: how many there are.
    """
    margin = first_margin(results)
    if margin is None or results.gate is None:
        return None
    chosen, highest = results.gate.chosen, ceiling(results.params)
    for count in range(MOST_COUNTED):
        level = budget.level(results.params.gate.error, highest)
        if not level or smallest_margin(results, chosen, samples, two_sided(level)) >= margin:
            return count
        budget = budget.reserve()
    return MOST_COUNTED


def first_margin(results: Results) -> float | None:
    """Return the margin of the first rule that compares quality over all samples together; None if no rule does.

    It is held against what can be proven of the first metric, so rules about figures in other units do not count.

    Args:
        results: of the stages.
    """
    main = results.measuring.main
    for rule in results.params.gate.rules:
        if isinstance(rule, QualityRule) and not (rule.per_class or rule.of) and rule.margin is not None:
            metric = results.measuring.metric(rule.metric)
            if (metric.unit, metric.most) == (main.unit, main.most):
                return rule.margin
    return None


def smallest_margin(results: Results, name: str, samples: int, confidence: float) -> float:
    """Return the smallest margin that so many samples can prove for a candidate as good as the baseline.

    The answers to them are taken to differ as they do on validation.

    Args:
        results: of the stages.
        name: of the candidate.
        samples: that the decision has.
        confidence: of the two-sided interval.
    """
    mine, theirs = results.answers(name, "validation"), results.answers(BASELINE, "validation")
    return results.measuring.smallest_margin(mine, theirs, samples, confidence)


def explain(results: Results, decision: Decision) -> str:
    """Return a decision as an operator reads it: what was proven at which level, what is left, what would restore it.

    Args:
        results: of the stages.
        decision: about the chosen candidate.
    """
    chosen = results.gate.chosen if results.gate else ""
    cost = results.cost(chosen)
    smaller = results.cost(BASELINE).stored_bytes / cost.stored_bytes
    faster = 1 / results.speed(chosen).latency_ratio.value
    by_itself = " by itself," if decision.question.tells_failure else ","
    verdict = {
        "PASS": f"{chosen} may be released",
        "FAIL": f"{chosen} is not released, since a rule about quality is proven to be broken",
        "INCONCLUSIVE": f"{chosen} is not released{by_itself} since not every rule about quality is proven",
    }[decision.outcome]
    return " ".join(
        [
            f"{decision.outcome}: {verdict}. {ordinal(decision.turn)} decision on {decision.samples:,} sealed test "
            f"samples, at {confidence(decision.confidence)}: the probability of a false PASS is at most "
            f"{percent(decision.level, 3)}, that of any on these samples {percent(decision.error, 1)}.",
            f"It is stored in {cost.stored_bytes:,} bytes, {times(smaller)} smaller, and runs {times(faster)} as fast.",
            look_ahead(results, decision.outlook),
        ]
    )


def look_ahead(results: Results, outlook: Outlook) -> str:
    """Return what the samples can still decide, as sentences.

    Args:
        results: of the stages.
        outlook: of a decision.
    """
    restored = f"{outlook.restore:,} test samples that no decision has seen would restore the budget."
    if outlook.confidence >= 1:
        return f"These samples can decide nothing any more: {restored}"
    margin, left = first_margin(results), ""
    if outlook.provable is not None and margin is not None:
        least, gap = "at least " if outlook.provable == MOST_COUNTED else "", results.measuring.main.margin(margin)
        left = f" {least}{outlook.provable:,} further ones can prove a margin of {gap} if none passes;"
    return (
        f"The next decision is at {confidence(outlook.confidence)}, as strong as a first one on {outlook.worth:,} "
        f"samples;{left} {restored}"
    )


def ordinal(turn: int) -> str:
    """Return First, Second, Third, 4th, … 21st.

    Args:
        turn: a number from 1.
    """
    if turn <= 3:
        return ("First", "Second", "Third")[turn - 1]
    ending = "th" if turn % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(turn % 10, "th")
    return f"{turn:,}{ending}"
