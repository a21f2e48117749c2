"""The rules of approval: which releases wait for a person, and for how long."""

from datetime import UTC, datetime, timedelta

from tasks.config import Approval, Deployment
from tasks.evaluation.records import GateReport


def needs_approval(approval: Approval, inconclusive: str | None) -> bool:
    """Return whether a release goes no further than staging before a person has approved it.

    Args:
        approval: as ``deployment.approval`` says.
        inconclusive: why the gate could not decide about it; None where it has passed.
    """
    return approval == "required" or inconclusive is not None


def is_for_a_person(settings: Deployment, gate: GateReport) -> bool:
    """Return whether a person may release what the gate could not decide; what it has failed, nobody may.

    Args:
        settings: of the project.
        gate: the verdict on validation.
    """
    return settings.approval == "when_inconclusive" and gate.outcome != "FAIL"


def deadline(since: str, days: float) -> datetime | None:
    """Return until when a release waits; None where nobody knows since when it does.

    Args:
        since: when it came to staging, ISO 8601.
        days: as ``deployment.approval_days`` says.
    """
    try:
        began = datetime.fromisoformat(since)
        return (began if began.tzinfo else began.replace(tzinfo=UTC)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None


def is_over(since: str, days: float, moment: datetime) -> bool:
    """Return whether a release has waited for longer than it may; never, where nobody knows since when it does.

    Args:
        since: when it came to staging, ISO 8601.
        days: as ``deployment.approval_days`` says.
        moment: now, with its time zone.
    """
    until = deadline(since, days)
    return until is not None and moment > until
