"""The gate's rules: of each one the numbers, the outcome and a sentence."""

from collections.abc import Iterable, Iterator
from typing import get_args

import numpy as np

from tasks.config import (
    AgreementRule,
    BytesRule,
    LatencyRule,
    NegativeFlipsRule,
    QualityMetric,
    QualityRule,
    Rule,
    Versus,
)
from tasks.evaluation.class_recall import judge_classes
from tasks.evaluation.floors import floor_interval
from tasks.evaluation.learnt import judge_learnt
from tasks.evaluation.predictions import Split
from tasks.evaluation.production import judge_production
from tasks.evaluation.quality import confusion_matrix
from tasks.evaluation.records import BASELINE, Outcome, RuleVerdict, ScarceClass
from tasks.evaluation.results import Results
from tasks.evaluation.scarcity import explain_scarce, find_scarce
from tasks.evaluation.verdicts import decide, level, whose
from tasks.evaluation.wording import number, percent, points, points_interval, sentence, times_interval
from tasks.records import Interval
from tasks.statistics import paired_macro, tango, wilson
from tasks.timing.intervals import ratio, typical

QUALITY_METRICS: tuple[QualityMetric, ...] = get_args(QualityMetric)
LIMITED_ABOVE = frozenset({"latency", "negative_flips"})  # metrics of which less is better


def judge_rules(name: str, split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Judge all that must hold for a candidate to be released, as far as a split can show it."""
    return (*judge_run(split, results), *judge_candidate(name, split, results))


def judge_candidate(name: str, split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Apply every rule of params.yaml to a candidate; and it must have learnt something."""
    verdicts = (verdict for rule in results.params.gate.rules for verdict in apply_rule(rule, name, split, results))
    return (*verdicts, *judge_learnt(name, split, results))


def judge_run(split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Judge what holds for every candidate of a run: the task is learnt, no release is in the way."""
    return (*judge_production(results), *judge_learnt(BASELINE, split, results))


def apply_rule(rule: Rule, name: str, split: Split, results: Results) -> Iterator[RuleVerdict]:
    """One verdict for each model that the rule compares with, or for each limit that it sets."""
    match rule:
        case QualityRule():
            for versus in rule.versus if rule.margin is not None else ():
                compare = judge_classes if rule.per_class else _quality
                yield _absent(rule, versus, results) or compare(rule, versus, name, split, results)
            if rule.min is not None:
                yield _floor(rule, rule.min, name, split, results)
        case NegativeFlipsRule():
            for versus in rule.versus:
                yield _absent(rule, versus, results) or _negative_flips(rule, versus, name, split, results)
        case LatencyRule():
            if rule.max_ms is not None:
                yield _latency(rule, rule.max_ms, name, results)
            if rule.max_ratio is not None:
                for versus in rule.versus:
                    yield _absent(rule, versus, results) or _latency_ratio(rule, rule.max_ratio, versus, name, results)
        case AgreementRule():
            yield _agreement(rule, name, split, results)
        case BytesRule():
            yield from _bytes(rule, name, results)


def overall(verdicts: Iterable[RuleVerdict]) -> Outcome:
    """FAIL if any rule fails, else INCONCLUSIVE if any is, else PASS: a missing release blocks nothing."""
    outcomes = {verdict.outcome for verdict in verdicts}
    return "FAIL" if "FAIL" in outcomes else "INCONCLUSIVE" if "INCONCLUSIVE" in outcomes else "PASS"


def is_within(verdict: RuleVerdict) -> bool:
    """Whether the estimate itself, its uncertainty aside, keeps the limit."""
    if verdict.outcome != "INCONCLUSIVE":
        return verdict.outcome != "FAIL"
    if verdict.value is None:
        return False
    if verdict.metric in LIMITED_ABOVE:
        return verdict.value <= verdict.limit
    return verdict.value >= verdict.limit


def difference(
    metric: QualityMetric, pair: tuple[str, str], split: Split, results: Results, confidence: float = 0.95
) -> Interval:
    """How much better a candidate is than another model on the same samples.

    Args:
        metric: what is compared.
        pair: the names of the candidate and of the other.
        split: whose samples.
        results: where the predictions are.
        confidence: of the two-sided interval.
    """
    mine, theirs = (results.answers(name, split) for name in pair)
    if metric == "accuracy":
        better, worse = np.sum(mine.right & ~theirs.right), np.sum(theirs.right & ~mine.right)
        return tango(int(better), int(worse), len(mine.labels), confidence)
    classes = len(results.dataset.classes)
    return paired_macro(mine.labels, mine.top, theirs.top, classes=classes, metric=metric, confidence=confidence)


def _absent(
    rule: QualityRule | LatencyRule | NegativeFlipsRule, versus: Versus, results: Results
) -> RuleVerdict | None:
    reason = results.why_absent(versus)
    if reason is None:
        return None
    match rule:
        case LatencyRule():
            limit = rule.max_ratio or 0.0
        case NegativeFlipsRule():
            limit = rule.max
        case QualityRule():
            limit = -(rule.margin or 0.0)
    what = rule.metric.replace("_", " ")
    return RuleVerdict(
        metric=rule.metric,
        versus=versus,
        outcome="NO_BASELINE",
        value=None,
        low=None,
        high=None,
        limit=limit,
        sentence=sentence(f"The {what} {'are' if what.endswith('s') else 'is'} not compared with {versus}: {reason}"),
    )


def _quality(rule: QualityRule, versus: Versus, name: str, split: Split, results: Results) -> RuleVerdict:
    margin = rule.margin or 0.0
    seen = difference(rule.metric, (name, versus), split, results, rule.confidence)
    outcome, judged = decide(seen.low > -margin, seen.high < -margin)
    mine, theirs = (getattr(results.qualities[model].splits[split], rule.metric) for model in (name, versus))
    scarce = (
        find_scarce(results.answers(name, split), results.dataset.classes, rule.metric, margin, rule.confidence)
        if outcome == "INCONCLUSIVE"
        else ()
    )
    return RuleVerdict(
        metric=rule.metric,
        versus=versus,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=-margin,
        sentence=(
            f"The {rule.metric} is {percent(mine)} on {len(results.answers(name, split).labels):,} {split} "
            f"samples, {points(seen.value)} points from {whose(versus)} {percent(theirs)} "
            f"({level(rule.confidence)} {points_interval(seen)}); {judged} the allowed "
            f"{points(-margin)} points.{explain_scarce(scarce, rule.metric)}"
        ),
        scarce=scarce,
    )


def _floor(rule: QualityRule, least: float, name: str, split: Split, results: Results) -> RuleVerdict:
    answers, classes = results.answers(name, split), results.dataset.classes
    seen = floor_interval(rule.metric, confusion_matrix(answers, len(classes)), rule.confidence)
    outcome, judged = decide(seen.low >= least, seen.high < least)
    scarce: tuple[ScarceClass, ...] = ()
    if outcome == "INCONCLUSIVE" and seen.value > least:
        scarce = find_scarce(answers, classes, rule.metric, seen.value - least, rule.confidence)
    return RuleVerdict(
        metric=rule.metric,
        versus=None,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=least,
        sentence=(
            f"The {rule.metric} is {percent(seen.value)} on {len(answers.labels):,} {split} samples "
            f"({level(rule.confidence)} {percent(seen.low)} … {percent(seen.high)}); {judged} the required "
            f"{percent(least)}.{explain_scarce(scarce, rule.metric)}"
        ),
        scarce=scarce,
    )


def _negative_flips(rule: NegativeFlipsRule, versus: Versus, name: str, split: Split, results: Results) -> RuleVerdict:
    """Samples that were right and become wrong, of all samples.

    Named by S. Yan et al., Positive-Congruent Training: Towards Regression-Free Model Updates, CVPR 2021, 14299-14308.
    """
    mine, theirs = results.answers(name, split), results.answers(versus, split)
    flips, samples = int(np.sum(theirs.right & ~mine.right)), len(mine.labels)
    seen = wilson(flips, samples, rule.confidence)
    outcome, judged = decide(seen.high <= rule.max, seen.low > rule.max)
    return RuleVerdict(
        metric=rule.metric,
        versus=versus,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=rule.max,
        sentence=(
            f"Of {samples:,} {split} samples it is wrong for {flips:,} that {versus} is right for, "
            f"{percent(seen.value)} ({level(rule.confidence)} {percent(seen.low)} … {percent(seen.high)}); "
            f"{judged} the allowed {percent(rule.max)}."
        ),
    )


def _latency(rule: LatencyRule, max_ms: float, name: str, results: Results) -> RuleVerdict:
    taken = typical([[us / 1000 for us in rounds] for rounds in results.speed(name).rounds_us], rule.confidence)
    outcome, judged = decide(taken.high <= max_ms, taken.low > max_ms)
    return RuleVerdict(
        metric="latency",
        versus=None,
        outcome=outcome,
        value=taken.value,
        low=taken.low,
        high=taken.high,
        limit=max_ms,
        sentence=(
            f"An image takes {taken.value:.3g} ms ({level(rule.confidence)} {taken.low:.3g} … {taken.high:.3g}); "
            f"{judged} the allowed {max_ms:g} ms."
        ),
    )


def _latency_ratio(rule: LatencyRule, max_ratio: float, versus: Versus, name: str, results: Results) -> RuleVerdict:
    mine, theirs = results.speed(name), results.speed(versus)
    seen = ratio(mine.rounds_us, theirs.rounds_us, rule.confidence)
    outcome, judged = decide(seen.high <= max_ratio, seen.low > max_ratio)
    return RuleVerdict(
        metric="latency",
        versus=versus,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=max_ratio,
        sentence=(
            f"An image takes {number(mine.median_us, 1)} µs, {number(seen.value)} times {whose(versus)} "
            f"{number(theirs.median_us, 1)} µs ({level(rule.confidence)} {times_interval(seen)}); {judged} "
            f"the allowed {number(max_ratio)} times."
        ),
    )


def _agreement(rule: AgreementRule, name: str, split: Split, results: Results) -> RuleVerdict:
    mine, theirs = results.answers(name, split), results.answers(BASELINE, split)
    seen = wilson(int(np.sum(mine.top == theirs.top)), len(mine.labels), rule.confidence)
    outcome, judged = decide(seen.low >= rule.min, seen.high < rule.min)
    return RuleVerdict(
        metric="agreement",
        versus=BASELINE,
        outcome=outcome,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=rule.min,
        sentence=(
            f"It gives the baseline's answer for {percent(seen.value)} of {len(mine.labels):,} {split} "
            f"samples ({level(rule.confidence)} {percent(seen.low)} … {percent(seen.high)}); {judged} the "
            f"required {percent(rule.min)}."
        ),
    )


def _bytes(rule: BytesRule, name: str, results: Results) -> Iterator[RuleVerdict]:
    mine, theirs = (getattr(results.cost(model), rule.metric) for model in (name, BASELINE))
    kind = rule.metric.removesuffix("_bytes")
    if rule.max is not None:
        yield RuleVerdict(
            metric=rule.metric,
            versus=None,
            outcome="PASS" if mine <= rule.max else "FAIL",
            value=mine,
            low=mine,
            high=mine,
            limit=rule.max,
            sentence=f"The model is {kind} in {mine:,} bytes; {rule.max:,} are allowed.",
        )
    if rule.max_ratio is not None:
        share = mine / theirs
        yield RuleVerdict(
            metric=rule.metric,
            versus=BASELINE,
            outcome="PASS" if share <= rule.max_ratio else "FAIL",
            value=share,
            low=share,
            high=share,
            limit=rule.max_ratio,
            sentence=(
                f"The model is {kind} in {mine:,} bytes, {number(share, 3)} times the baseline's {theirs:,}; "
                f"{number(rule.max_ratio, 3)} times is allowed."
            ),
        )
