"""The end of a run: the decision about the chosen candidate, its release, and the record of it."""

from dataclasses import dataclass
from typing import Literal

from flows.line.recording import announce_and_record
from flows.line.releasing import decide, deploy, hold_back, promote
from flows.line.waiting import waits_sentence
from tasks.config import Params
from tasks.deployment.approvals.waiting import find_review
from tasks.deployment.records import Release
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import route
from tasks.deployment.releases.release_state import already_released, already_staged, rolled_back_reason
from tasks.deployment.reviews.rules import is_for_a_person
from tasks.errors import WornOut
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import GATE, GateReport
from tasks.records import read_record

Ending = Literal["Released", "AwaitingApproval", "Nothing to do", "Held back", "AwaitingConsent"]


@dataclass(frozen=True)
class RunResult:
    """The end of a run, and the release that a channel points at now, if there is one.

    ``waits`` is the digest of the data that a person is asked about, where the run ended for that.
    """

    ending: Ending
    sentence: str
    release: Release | None
    waits: str | None = None


def conclude(params: Params, cause: str | None = None) -> RunResult:
    """Decide about the chosen candidate if it is promising, release it if it passed, and keep the record of it.

    What needs a person's approval goes as far as staging. That is what passed, or what the gate could not decide, as
    ``deployment.approval`` says; what it has failed goes nowhere. The store is opened once, and anew: since the run
    began hours may have gone by, and a key have been revoked.

    Args:
        params: of the project.
        cause: why the run was started, for the record.

    Returns:
        how the run ended, with its release if there is one.
    """
    verdict = read_record(GATE, GateReport)
    for_a_person = is_for_a_person(params.deployment, verdict)
    if not (verdict.promising or for_a_person):
        hold_back(params)
        return RunResult("Held back", verdict.sentence, None)
    registry = registry_of(params.deployment)
    if known := _known(params, registry, verdict, cause):
        return known
    if reason := rolled_back_reason(params, registry):
        return RunResult("Held back", reason, None)
    may_go_on, sentence = _decided(params, registry, for_a_person) if verdict.promising else (True, verdict.sentence)
    if not may_go_on:
        return RunResult("Held back", sentence, None)
    release = deploy(params, registry)
    for channel in route(params.deployment, release):
        point = promote.with_options(name=channel)
        release = point(params, registry, release, channel)
    announce_and_record(params, registry, release, sentence, cause)
    if params.deployment.channel in release.channels:
        return RunResult("Released", sentence, release)
    return RunResult("AwaitingApproval", f"{waits_sentence(params, registry, release)} {sentence}", release)


def _decided(params: Params, registry: Registry, for_a_person: bool) -> tuple[bool, str]:
    """Return whether the decision on the sealed samples lets the candidate go on, to a person perhaps, and why."""
    try:
        decision = decide(params, registry)
    except WornOut as error:
        return False, str(error)
    return decision.outcome == "PASS" or (decision.outcome == "INCONCLUSIVE" and for_a_person), decision.sentence


def _known(params: Params, registry: Registry, verdict: GateReport, cause: str | None) -> RunResult | None:
    """Return the end of a run whose model is in a channel already; None where it is in none, or was taken back."""
    released = already_released(params, registry)
    release = released or already_staged(params, registry)
    if release is None:
        return None
    sentence = (read_decision(params) or verdict).sentence
    review = None if released else find_review(registry)
    if review and review.decision == "rejected":
        return RunResult("Held back", f"The chosen model is {release.model} {release.version}. {review.sentence}", None)
    if review:
        return None  # it was approved, and taken back since
    announce_and_record(params, registry, release, sentence, cause)  # the run that released it may have ended before
    if released:
        return RunResult("Nothing to do", sentence, release)
    return RunResult("AwaitingApproval", f"{waits_sentence(params, registry, release)} {sentence}", release)
