"""The gate's rules: of each one the numbers, the outcome and a sentence."""

from collections.abc import Iterable, Iterator

from tasks.config import AgreementRule, BytesRule, LatencyRule, NegativeFlipsRule, QualityRule, Rule, Versus
from tasks.evaluation.learnt import judge_learnt
from tasks.evaluation.predictions import Split
from tasks.evaluation.production import judge_production
from tasks.evaluation.records import BASELINE
from tasks.evaluation.references import judge_references
from tasks.evaluation.results import Results
from tasks.records import Interval
from tasks.timing.intervals import ratio, typical
from tasks.verdicts import Judgement, RuleVerdict, ScarceClass, decide_beside, level, whose
from tasks.wording import capitalized, number, one, sentence, times_interval
from tasks.workloads import find_workload
from tasks.workloads.measuring import Pair


def judge_rules(name: str, split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Judge all that must hold for a candidate to be released, as far as a split can show it.

    Args:
        name: of the candidate.
        split: whose samples.
        results: of the stages.

    Returns:
        a verdict for each rule and model.
    """
    return (*judge_run(split, results), *judge_candidate(name, split, results))


def judge_candidate(name: str, split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Apply every rule of params.yaml to a candidate; it must have learnt something, no worse than references.

    Args:
        name: of the candidate.
        split: whose samples.
        results: of the stages.

    Returns:
        a verdict for each rule and model.
    """
    verdicts = (verdict for rule in results.params.gate.rules for verdict in apply_rule(rule, name, split, results))
    return (*verdicts, *judge_learnt(name, split, results), *judge_references(name, split, results))


def judge_run(split: Split, results: Results) -> tuple[RuleVerdict, ...]:
    """Judge what holds for every candidate of a run: the task is learnt, no release is in the way.

    Args:
        split: whose samples.
        results: of the stages.

    Returns:
        verdicts where something is in the way, none where nothing is.
    """
    return (*judge_production(results), *judge_learnt(BASELINE, split, results))


def apply_rule(rule: Rule, name: str, split: Split, results: Results) -> Iterator[RuleVerdict]:
    """Yield a verdict for each model that the rule compares with, or for each limit that it sets.

    Args:
        rule: of the gate.
        name: of the candidate.
        split: whose samples.
        results: of the stages.
    """
    match rule:
        case QualityRule():
            for versus in rule.versus if rule.margin is not None else ():
                compare = _of_the_outcome if rule.per_class else _quality
                yield _absent(rule, versus, results) or compare(rule, versus, name, split, results)
            if rule.limit is not None:
                yield _limit(rule, rule.limit, name, split, results)
        case AgreementRule() | NegativeFlipsRule():
            for versus in rule.versus:
                yield _absent(rule, versus, results) or _of_the_outcome(rule, versus, name, split, results)
        case LatencyRule():
            if rule.max_ms is not None:
                yield _latency(rule, rule.max_ms, name, results)
            if rule.max_ratio is not None:
                for versus in rule.versus:
                    yield _absent(rule, versus, results) or _latency_ratio(rule, rule.max_ratio, versus, name, results)
        case BytesRule():
            yield from _bytes(rule, name, results)


def overall(verdicts: Iterable[RuleVerdict]) -> Judgement:
    """Return FAIL if any rule fails, else INCONCLUSIVE if any is, else PASS: a missing release blocks nothing.

    Args:
        verdicts: of all rules.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    return "FAIL" if "FAIL" in outcomes else "INCONCLUSIVE" if "INCONCLUSIVE" in outcomes else "PASS"


def difference(
    metric: str, pair: tuple[str, str], split: Split, results: Results, confidence: float = 0.95
) -> Interval:
    """Return the difference of a metric between a candidate and another model on the same samples.

    Args:
        metric: what is compared.
        pair: the names of the candidate and of the other.
        split: whose samples.
        results: where the predictions are.
        confidence: of the two-sided interval.
    """
    mine, theirs = (results.answers(name, split) for name in pair)
    return results.measuring.metric(metric).difference(mine, theirs, confidence)


def _absent(
    rule: QualityRule | LatencyRule | AgreementRule | NegativeFlipsRule, versus: Versus, results: Results
) -> RuleVerdict | None:
    reason = results.why_absent(versus)
    if reason is None:
        return None
    match rule:
        case LatencyRule():
            limit = rule.max_ratio or 0.0
        case NegativeFlipsRule():
            limit = rule.max
        case AgreementRule():
            limit = rule.min
        case QualityRule():
            limit = -results.measuring.metric(rule.metric).sign * (rule.margin or 0.0)
    what = rule.metric.replace("_", " ")
    verb = "are" if what.endswith("s") else "is"
    of = f" of {rule.of}" if isinstance(rule, QualityRule) and rule.of else ""
    return RuleVerdict(
        metric=rule.metric + of,
        versus=versus,
        outcome="NO_BASELINE",
        value=None,
        low=None,
        high=None,
        limit=limit,
        sentence=sentence(f"The {what}{of} {verb} not compared with {versus}: {reason}"),
    )


def _of_the_outcome(
    rule: QualityRule | AgreementRule | NegativeFlipsRule, versus: Versus, name: str, split: Split, results: Results
) -> RuleVerdict:
    mine, theirs = results.answers(name, split), results.answers(versus, split)
    return results.measuring.judge(rule, Pair(mine, theirs, versus, split, results.dataset))


def _quality(rule: QualityRule, versus: Versus, name: str, split: Split, results: Results) -> RuleVerdict:
    metric, margin = results.measuring.metric_of(rule, results.dataset), rule.margin or 0.0
    limit, answers, others = -metric.sign * margin, results.answers(name, split), results.answers(versus, split)
    seen = metric.difference(answers, others, rule.confidence)
    judgement, judged = decide_beside(seen, limit, metric.less_is_better, strictly=True)
    mine, theirs = (metric.value(each) for each in (answers, others))
    scarce: tuple[ScarceClass, ...] = ()
    if judgement == "INCONCLUSIVE":
        scarce = metric.find_scarce(answers, results.dataset, margin, rule.confidence)
    return RuleVerdict.of(
        metric.name,
        versus,
        seen,
        limit,
        outcome=judgement,
        at_most=metric.less_is_better,
        sentence=(
            f"The {metric.noun} is {metric.shown(mine)} on {metric.counted(answers, split)}, "
            f"{metric.apart(seen.value)} from {whose(versus)} {metric.shown(theirs)} "
            f"({level(rule.confidence)} {metric.shown_bounds(seen)}); {judged} the allowed "
            f"{metric.apart(limit)}.{metric.explain_scarce(scarce)}"
        ),
        scarce=scarce,
    )


def _limit(rule: QualityRule, limit: float, name: str, split: Split, results: Results) -> RuleVerdict:
    """Judge a floor of the candidate's own figure, or a ceiling of one of which less is better."""
    metric, answers = results.measuring.metric_of(rule, results.dataset), results.answers(name, split)
    seen = metric.bounds(answers, rule.confidence)
    judgement, judged = decide_beside(seen, limit, metric.less_is_better)
    scarce: tuple[ScarceClass, ...] = ()
    distance = metric.sign * (seen.value - limit)
    if judgement == "INCONCLUSIVE" and distance > 0:
        scarce = metric.find_scarce(answers, results.dataset, distance, rule.confidence)
    return RuleVerdict.of(
        metric.name,
        None,
        seen,
        limit,
        outcome=judgement,
        at_most=metric.less_is_better,
        sentence=(
            f"The {metric.noun} is {metric.shown(seen.value)} on {metric.counted(answers, split)} "
            f"({level(rule.confidence)} {metric.shown(seen.low)} … {metric.shown(seen.high)}); {judged} the "
            f"{'allowed' if metric.less_is_better else 'required'} "
            f"{metric.shown(limit)}.{metric.explain_scarce(scarce)}"
        ),
        scarce=scarce,
    )


def _latency(rule: LatencyRule, max_ms: float, name: str, results: Results) -> RuleVerdict:
    thing = find_workload(results.dataset.workload).thing
    taken = typical([[us / 1000 for us in rounds] for rounds in results.speed(name).rounds_us], rule.confidence)
    judgement, judged = decide_beside(taken, max_ms, at_most=True)
    return RuleVerdict.of(
        "latency",
        None,
        taken,
        max_ms,
        outcome=judgement,
        at_most=True,
        sentence=(
            f"{capitalized(one(thing))} takes {taken.value:.3g} ms "
            f"({level(rule.confidence)} {taken.low:.3g} … {taken.high:.3g}); {judged} the allowed {max_ms:g} ms."
        ),
    )


def _latency_ratio(rule: LatencyRule, max_ratio: float, versus: Versus, name: str, results: Results) -> RuleVerdict:
    mine, theirs = results.speed(name), results.speed(versus)
    thing = find_workload(results.dataset.workload).thing
    seen = ratio(mine.rounds_us, theirs.rounds_us, rule.confidence)
    judgement, judged = decide_beside(seen, max_ratio, at_most=True)
    return RuleVerdict.of(
        "latency",
        versus,
        seen,
        max_ratio,
        outcome=judgement,
        at_most=True,
        sentence=(
            f"{capitalized(one(thing))} takes {number(mine.median_us, 1)} µs, {number(seen.value)} times "
            f"{whose(versus)} {number(theirs.median_us, 1)} µs ({level(rule.confidence)} {times_interval(seen)}); "
            f"{judged} the allowed {number(max_ratio)} times."
        ),
    )


def _bytes(rule: BytesRule, name: str, results: Results) -> Iterator[RuleVerdict]:
    mine, theirs = (getattr(results.cost(model), rule.metric) for model in (name, BASELINE))
    kind = rule.metric.removesuffix("_bytes")
    if rule.max is not None:
        yield _exact(rule, None, mine, rule.max, f"The model is {kind} in {mine:,} bytes; {rule.max:,} are allowed.")
    if rule.max_ratio is not None:
        share = mine / theirs
        said = (
            f"{mine:,} bytes, {number(share, 3)} times the baseline's {theirs:,}; {number(rule.max_ratio, 3)} times is"
        )
        yield _exact(rule, BASELINE, share, rule.max_ratio, f"The model is {kind} in {said} allowed.")


def _exact(rule: BytesRule, versus: str | None, value: float, limit: float, sentence: str) -> RuleVerdict:
    """Return the verdict on a figure that is known, with no interval around it."""
    return RuleVerdict.of(
        rule.metric,
        versus,
        Interval(value=value, low=value, high=value),
        limit,
        outcome="PASS" if value <= limit else "FAIL",
        at_most=True,
        sentence=sentence,
    )
