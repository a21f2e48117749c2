"""The tasks that take a chosen candidate to a channel: decide, deploy, promote. Each may find the store silent."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.line.deciding import settle
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.releases.publishing import advance, upload
from tasks.errors import UNAVAILABLE, StoreError
from tasks.evaluation.records import Decision
from tasks.versioning.history import head


def _store_may_answer_later(_task: object, _run: object, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) and error.exit_code == UNAVAILABLE


with_store = task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)


@with_store
def decide(params: Params, registry: Registry) -> Decision:
    """Enter the decision in the ledger, then ask the sealed test samples; a decision that is there is taken over."""
    decision = settle(params, registry)
    tell("decide", decision.sentence)
    return decision


@with_store
def deploy(params: Params, registry: Registry) -> Release:
    """Put the chosen candidate into the store as a signed release."""
    release = upload(params, registry, *head())
    where = f"{params.deployment.model} {release.version} is in {params.deployment.store}"
    tell("deploy", f"{where}, manifest {release.manifest_sha256}")
    return release


@with_store
def promote(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Fetch the release back, ask it its recorded samples and move a channel to it."""
    moved = advance(params, registry, release, channel)
    tell(channel, f"{params.deployment.model} {release.version} answers as recorded and is {channel}")
    return moved
