"""The question that is decided about the chosen candidate, and its decision; it is asked again before a release."""

from tasks.config import Params
from tasks.evaluation.records import (
    BASELINE,
    DECISION,
    GATE,
    PRODUCTION,
    Decision,
    GateReport,
    Quality,
    Question,
    quality_file,
)
from tasks.records import read_record
from tasks.samples import split_digest


def pose(params: Params) -> Question:
    """Return the question that the stage ``gate`` leaves open.

    Args:
        params: of the project.

    Raises:
        DataError: a record or a shard is missing.
    """
    sealed = params.gate.sealed
    named = {BASELINE, *(versus for rule in sealed for versus in getattr(rule, "versus", ()))}
    return Question(
        candidate=read_record(GATE, GateReport).model_sha256,
        samples=split_digest("test"),
        rules=tuple(rule.model_dump_json() for rule in sealed),
        opponents={
            name: read_record(quality_file(name), Quality).sha256 for name in (BASELINE, PRODUCTION) if name in named
        },
        tells_failure=params.deployment.approval == "when_inconclusive",
    )


def read_decision(params: Params) -> Decision | None:
    """Return the last decision, if it is about what the gate has chosen now.

    Args:
        params: of the project.

    Raises:
        DataError: a record is missing or of another version.
    """
    if not DECISION.exists():
        return None
    decision = read_record(DECISION, Decision)
    return decision if pose(params).is_answered_by(decision.question, decision.outcome) else None
