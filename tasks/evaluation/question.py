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
    sealed, gate = params.gate.sealed, read_record(GATE, GateReport)
    named = {BASELINE, *(versus for rule in sealed for versus in getattr(rule, "versus", ()))}
    known = {name: read_record(quality_file(name), Quality) for name in (BASELINE, PRODUCTION) if name in named}
    settled = {gate.chosen: gate.settled} | {name: quality.settled for name, quality in known.items()}
    return Question(
        candidate=gate.model_sha256,
        samples=split_digest("test"),
        rules=tuple(rule.model_dump_json() for rule in sealed),
        opponents={name: quality.sha256 for name, quality in known.items()},
        settled={name: numbers for name, numbers in settled.items() if numbers},
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
