"""Hold back a model that is worse than one of another kind which is made in no time, as iALS for a ranking."""

from collections.abc import Iterator

from tasks.evaluation.predictions import Split
from tasks.evaluation.records import RuleVerdict
from tasks.evaluation.results import Results
from tasks.verdicts import level

METRIC, CONFIDENCE = "reference", 0.95


def judge_references(name: str, split: Split, results: Results) -> Iterator[RuleVerdict]:
    """Give a verdict for each reference that a candidate is clearly inferior to, none where it is not.

    It is judged on validation alone, where it costs nothing of the error of decisions.

    Args:
        name: of the candidate.
        split: whose samples.
        results: where the answers are.

    Returns:
        verdicts that fail.
    """
    if split != "validation" or results.params.gate.references == "report":
        return
    answers, main = results.answers(name, split), results.measuring.main
    for beside in results.measuring.references(answers, results.dataset):
        seen = main.difference(answers, beside.answers, CONFIDENCE)
        best = max(main.sign * seen.low, main.sign * seen.high)
        if best < 0:
            yield RuleVerdict.of(
                METRIC,
                beside.name,
                seen,
                0.0,
                outcome="FAIL",
                at_most=main.less_is_better,
                sentence=(
                    f"{name} is inferior to {beside.name}: {main.clause(main.value(answers))} on {len(answers):,} "
                    f"{split} samples, and that of {beside.name} is {main.shown(main.value(beside.answers))}, "
                    f"difference of {main.apart(seen.value)} ({level(CONFIDENCE)} {main.shown_bounds(seen)}). "
                    f"Train another network, or set gate.references: report."
                ),
            )
