"""Show that a model has learnt its task: it is better than the best answer that is always the same.

Non-inferiority alone does not ask that: two models that have both learnt nothing are equally good. So the baseline and
the candidate must each beat the constant answer on the same samples, by a paired interval; unless params.yaml sets a
floor, or a ceiling where less is better, that nobody reaches who does not look at the samples: neither a constant
answer nor a random one.
"""

from collections.abc import Iterator

from tasks.config import QualityRule
from tasks.evaluation.predictions import Split
from tasks.evaluation.records import BASELINE, RuleVerdict
from tasks.evaluation.results import Results
from tasks.workloads.measuring import CONSTANT, LEARNT


def judge_learnt(name: str, split: Split, results: Results) -> Iterator[RuleVerdict]:
    """Yield a verdict if it is not shown that a model has learnt its task, none if it is.

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
    """Return whether a rule sets a limit that no answer reaches on these samples which does not depend on them.

    Args:
        rule: of the gate.
        split: whose samples.
        results: where the answers are.
    """
    if rule.limit is None:
        return False
    metric = results.measuring.metric_of(rule, results.dataset)
    return metric.sign * (rule.limit - metric.blind(results.answers(BASELINE, split))) > 0


def beside_constant(name: str, split: Split, results: Results) -> RuleVerdict:
    """Compare a model with the constant answers of the outcome.

    Args:
        name: the baseline, or a candidate.
        split: whose samples.
        results: where the answers are.

    Returns:
        the verdict, PASS if the model is proven to be better.
    """
    answers, measuring = results.answers(name, split), results.measuring
    who, confidence = "the baseline" if name == BASELINE else name, results.params.gate.learnt.confidence
    judgement, seen, sentence = measuring.beside_constant(who, answers, results.dataset, confidence, split)
    return RuleVerdict(
        metric=LEARNT if name != BASELINE else f"{LEARNT}_by_{BASELINE}",
        versus=CONSTANT,
        outcome=judgement,
        value=seen.value,
        low=seen.low,
        high=seen.high,
        limit=0.0,
        at_most=measuring.main.less_is_better,
        sentence=sentence,
    )
