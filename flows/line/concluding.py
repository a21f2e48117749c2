"""The end of a run: the decision about the chosen candidate, its release, and the record of it."""

from dataclasses import dataclass
from typing import Any, Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.line.deciding import settle
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.releases.memory import released_here
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import advance, route, upload
from tasks.deployment.releases.release_state import already_released, already_staged, rolled_back_reason
from tasks.errors import UNAVAILABLE, StoreError, WornOut
from tasks.evaluation.records import GATE, Decision, GateReport
from tasks.evaluation.results import read_decision
from tasks.records import read_record
from tasks.versioning.dvc import push
from tasks.versioning.history import commit, head, release_message
from tasks.versioning.recorded import Mark, is_recorded, mark_recorded

Ending = Literal["Released", "Staged", "Nothing to do", "Held back", "AwaitingConsent"]


@dataclass(frozen=True)
class RunResult:
    """The end of a run, and the release that a channel points at now, if there is one."""

    ending: Ending
    sentence: str
    release: Release | None


def conclude(params: Params) -> RunResult:
    """Decide about the chosen candidate if it is promising, release it if it passed, and keep the record of it.

    The store is opened once, and anew: since the run began hours may have gone by, and a key have been revoked.
    """
    verdict = read_record(GATE, GateReport)
    if not verdict.promising:
        return RunResult("Held back", verdict.sentence, None)
    registry = registry_of(params.deployment)
    current = already_released(params, registry) or already_staged(params, registry)
    if current is not None:
        if not is_recorded(current.manifest_sha256, mark_of(params, current)):
            record(params, current)  # the run that released it ended before it had done so
        return RunResult("Nothing to do", (read_decision(params) or verdict).sentence, current)
    if reason := rolled_back_reason(params, registry):
        return RunResult("Held back", reason, None)
    try:
        decision = decide(params, registry)
    except WornOut as error:
        return RunResult("Held back", str(error), None)
    if decision.outcome != "PASS":
        return RunResult("Held back", decision.sentence, None)
    release = deploy(params, registry)
    for channel in route(params.deployment, release):
        point = promote.with_options(name=channel)
        release = point(params, registry, release, channel)
    record(params, release)
    ending: Ending = "Released" if params.deployment.channel in release.channels else "Staged"
    return RunResult(ending, decision.sentence, release)


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
