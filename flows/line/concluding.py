"""The end of a run: the decision about the chosen candidate, its release, and the record of it."""

from dataclasses import dataclass
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.line.deciding import settle
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.approvals.sweeping import sweep
from tasks.deployment.approvals.waiting import find_review, find_waiting
from tasks.deployment.records import Release
from tasks.deployment.releases.memory import released_here
from tasks.deployment.releases.promotion import Registry, registry_of, renewed
from tasks.deployment.releases.publishing import advance, route, upload
from tasks.deployment.releases.release_state import already_released, already_staged, rolled_back_reason
from tasks.deployment.reviews.rules import deadline, is_for_a_person
from tasks.errors import UNAVAILABLE, Conflict, ReleaseError, StoreError, WornOut
from tasks.evaluation.question import read_decision
from tasks.evaluation.records import GATE, Decision, GateReport
from tasks.records import read_record
from tasks.versioning.dvc import push
from tasks.versioning.history import commit, head, release_message
from tasks.versioning.recorded import Mark, is_recorded, mark_recorded

Ending = Literal["Released", "AwaitingApproval", "Nothing to do", "Held back"]


@dataclass(frozen=True)
class RunResult:
    """The end of a run, and the release that a channel points at now, if there is one."""

    ending: Ending
    sentence: str
    release: Release | None


def conclude(params: Params) -> RunResult:
    """Decide about the chosen candidate if it is promising, release it if it passed, and keep the record of it.

    What needs a person's approval goes as far as staging. That is what passed, or what the gate could not decide, as
    ``deployment.approval`` says; what it has failed goes nowhere. The store is opened once, and anew: since the run
    began hours may have gone by, and a key have been revoked.
    """
    verdict = read_record(GATE, GateReport)
    for_a_person = is_for_a_person(params.deployment, verdict)
    if not (verdict.promising or for_a_person):
        return RunResult("Held back", verdict.sentence, None)
    registry = registry_of(params.deployment)
    if known := _known(params, registry, verdict):
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
    record(params, release)
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


def _known(params: Params, registry: Registry, verdict: GateReport) -> RunResult | None:
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
    if not is_recorded(release.manifest_sha256, mark_of(params, release)):
        record(params, release)  # the run that released it ended before it had done so
    if released:
        return RunResult("Nothing to do", sentence, release)
    return RunResult("AwaitingApproval", f"{waits_sentence(params, registry, release)} {sentence}", release)


def waits_sentence(params: Params, registry: Registry, release: Release) -> str:
    """Say what waits, for how long, and by which command it is answered."""
    settings, name = params.deployment, f"{release.model}@{release.version}"
    staged = find_waiting(renewed(registry, settings))
    is_it = staged is not None and staged.version == release.version
    until = deadline(staged.moved_at, settings.approval_days) if staged and is_it else None
    limit = f" until {until.isoformat(timespec='minutes')}" if until else ""
    return (
        f"{name} waits in {settings.staging} for a person{limit}: `slimline approve {name} --reason …` or "
        f"`slimline reject {name} --reason …`, or the deployment `approve` on the pages."
    )


def sweep_waiting(params: Params, registry: Registry) -> None:
    """Finish an approval that was killed and reject what waits too long; what cannot be done now is told, and stays."""
    try:
        swept = sweep(params.deployment, registry=registry)
    except (ReleaseError, Conflict) as error:
        tell("approval", str(error))
        return
    for sentence in swept.sentences(params.deployment.model):
        tell("approval", sentence)


def _store_may_answer_later(_task: object, _run: object, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) and error.exit_code == UNAVAILABLE


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def decide(params: Params, registry: Registry) -> Decision:
    """Enter the decision in the ledger, then ask the sealed test samples; a decision that is there is taken over."""
    decision = settle(params, registry)
    tell("decide", decision.sentence)
    return decision


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def deploy(params: Params, registry: Registry) -> Release:
    """Put the chosen candidate into the store as a signed release."""
    release = upload(params, registry, *head())
    where = f"{params.deployment.model} {release.version} is in {params.deployment.store}"
    tell("deploy", f"{where}, manifest {release.manifest_sha256}")
    return release


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def promote(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Fetch the release back, ask it its recorded samples and move a channel to it."""
    moved = advance(params, registry, release, channel)
    tell(channel, f"{params.deployment.model} {release.version} answers as recorded and is {channel}")
    return moved


@task(cache_policy=NO_CACHE, persist_result=False)
def record(params: Params, release: Release) -> None:
    """Copy data and models to DVC's remote; commit what the release was made of. To do it again does no harm."""
    if params.versioning.push:
        tell("record", f"{push()} files copied to the remote")
    if params.versioning.commit:
        made = commit(_message(params.deployment.model, release))
        tell("record", f"commit {made}" if made else "nothing to commit")
    mark_recorded(release.manifest_sha256, mark_of(params, release))


def _message(model: str, release: Release) -> str:
    """The message of the commit of a release; it vouches for the manifest only if this project has made it."""
    made_here = release.manifest_sha256 in released_here(model, release.version)
    return release_message(model, release.version, release.manifest_sha256 if made_here else None)


def mark_of(params: Params, release: Release) -> Mark:
    """Return what is noted once the record of a release is kept."""
    asked = params.versioning
    return Mark(model=params.deployment.model, version=release.version, push=asked.push, commit=asked.commit)
