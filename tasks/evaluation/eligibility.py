"""Part the candidates that can be chosen from those that cannot, with the reason."""

from collections.abc import Iterator

from tasks.compression.records import Candidate, Promise
from tasks.errors import EvaluationError
from tasks.evaluation.records import Choice
from tasks.evaluation.results import Results

MOST_NAMED = 3  # promises in a sentence


def contenders(results: Results) -> list[str]:
    """List the candidates that can be chosen; a control, which is there to be compared with, only if there is no other.

    Args:
        results: of the stages.

    Returns:
        their names, in the order of params.yaml.

    Raises:
        EvaluationError: there is none.
    """
    reasons = ineligible(results)
    eligible = [name for name in results.candidates if name not in reasons]
    if not eligible:
        told = " ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise EvaluationError(
            f"Expected a candidate that can be chosen. Received: none of {len(reasons)}. {told} "
            f"Change the recipes, or add one."
        )
    return [name for name in eligible if not results.candidates[name].is_control] or eligible


def ineligible(results: Results) -> dict[str, str]:
    """Return why candidates cannot be chosen, by recipe, in the order of params.yaml.

    Args:
        results: of the stages.
    """
    reasons = {}
    for name in results.params.recipes:
        reason = results.not_made.get(name) or why_broken(name, results)
        if reason:
            reasons[name] = reason
    return reasons


def why_broken(name: str, results: Results) -> str | None:
    """Return why promises rule a candidate out; None if they do not.

    Args:
        name: of the candidate.
        results: of the stages.
    """
    if results.params.gate.broken_promises == "report" or name not in results.candidates:
        return None
    return describe_broken(results.candidates[name])


def broken_but_reported(name: str, results: Results) -> Iterator[str]:
    """Yield a sentence about a candidate that may be chosen although promises do not hold.

    Args:
        name: of the candidate.
        results: of the stages.
    """
    if results.params.gate.broken_promises == "report" and (broken := describe_broken(results.candidates[name])):
        yield broken


def describe_broken(candidate: Candidate) -> str | None:
    """Return the promises that do not hold at the end of a candidate's recipe, in words; None if all do.

    Args:
        candidate: its record.
    """
    last = candidate.steps[-1].promises if candidate.steps else ()
    broken = broken_promises(candidate)
    if not broken:
        return None
    named = "; ".join(
        f"{each.layer} {each.promise}, promised {_value(each.promised)}, measured {_value(each.measured)}"
        for each in broken[:MOST_NAMED]
    )
    more = f"; and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
    return f"{len(broken)} of {len(last)} promises do not hold at the end of its recipe: {named}{more}."


def broken_promises(candidate: Candidate) -> tuple[Promise, ...]:
    """Return the promises that do not hold in what a recipe ended with.

    Args:
        candidate: its record.
    """
    return tuple(each for each in (candidate.steps[-1].promises if candidate.steps else ()) if not each.holds)


def ineligible_choices(results: Results, after: int) -> Iterator[Choice]:
    """Yield the gate's records of the candidates that cannot be chosen, ranked behind ``after`` others.

    Args:
        results: of the stages.
        after: how many candidates can be chosen.
    """
    for rank, (name, reason) in enumerate(ineligible(results).items(), start=after + 1):
        what = "could not be made" if name in results.not_made else "is not eligible"
        yield Choice(
            candidate=name, rank=rank, objective=None, outcome="INELIGIBLE", sentence=f"{name} {what}. {reason}"
        )


def _value(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else value
