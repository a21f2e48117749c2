"""The rules that only classes have: negative flips, and agreement with the baseline."""

import numpy as np

from tasks.gate_settings import AgreementRule, NegativeFlipsRule
from tasks.statistics import clopper_pearson
from tasks.verdicts import RuleVerdict, decide_beside, level
from tasks.wording import percent
from tasks.workloads.measuring import Pair
from tasks.workloads.outcomes.classes.answers import right, top


def judge_negative_flips(rule: NegativeFlipsRule, pair: Pair) -> RuleVerdict:
    """Return how many samples were right and become wrong, of all samples, and whether these are too many.

    Named by S. Yan et al., Positive-Congruent Training: Towards Regression-Free Model Updates, CVPR 2021, 14299-14308.

    Args:
        rule: with the most that may.
        pair: the candidate's answers and those of the model that it is compared with.
    """
    flips, samples = int(np.sum(right(pair.theirs) & ~right(pair.mine))), len(pair.mine)
    seen = clopper_pearson(flips, samples, rule.confidence)
    judgement, judged = decide_beside(seen, rule.max, at_most=True)
    return RuleVerdict.of(
        rule.metric,
        pair.versus,
        seen,
        rule.max,
        outcome=judgement,
        at_most=True,
        sentence=(
            f"Of {samples:,} {pair.split} samples it is wrong for {flips:,} that {pair.versus} is right for, "
            f"{percent(seen.value)} ({level(rule.confidence)} {percent(seen.low)} … {percent(seen.high)}); "
            f"{judged} the allowed {percent(rule.max)}."
        ),
    )


def judge_agreement(rule: AgreementRule, pair: Pair) -> RuleVerdict:
    """Return for how many samples the candidate gives the baseline's answer, and whether these are enough.

    Args:
        rule: with the least that must.
        pair: the candidate's answers and the baseline's.
    """
    samples = len(pair.mine)
    seen = clopper_pearson(int(np.sum(top(pair.mine) == top(pair.theirs))), samples, rule.confidence)
    judgement, judged = decide_beside(seen, rule.min, at_most=False)
    return RuleVerdict.of(
        rule.metric,
        pair.versus,
        seen,
        rule.min,
        outcome=judgement,
        sentence=(
            f"It gives the baseline's answer for {percent(seen.value)} of {samples:,} {pair.split} "
            f"samples ({level(rule.confidence)} {percent(seen.low)} … {percent(seen.high)}); {judged} the "
            f"required {percent(rule.min)}."
        ),
    )
