"""The tasks that take a chosen candidate to a channel: decide, deploy, promote. Each may find the store silent."""

from flows.line.deciding import settle
from flows.line.retrying import asks_outside
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.releases.publishing import advance, upload
from tasks.evaluation.records import Decision
from tasks.versioning.history import head


@asks_outside
def decide(params: Params, registry: Registry) -> Decision:
    """Enter the decision in the ledger, then ask the sealed test samples; a decision that is there is taken over."""
    decision = settle(params, registry)
    tell("decide", decision.sentence)
    return decision


@asks_outside
def deploy(params: Params, registry: Registry) -> Release:
    """Put the chosen candidate into the store as a signed release."""
    release = upload(params, registry, *head())
    where = f"{params.deployment.model} {release.version} is in {params.deployment.store}"
    tell("deploy", f"{where}, manifest {release.manifest_sha256}")
    return release


@asks_outside
def promote(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Fetch the release back, ask it its recorded samples and move a channel to it."""
    moved = advance(params, registry, release, channel)
    tell(channel, f"{params.deployment.model} {release.version} answers as recorded and is {channel}")
    return moved
