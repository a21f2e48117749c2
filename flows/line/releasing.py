"""The tasks that take a chosen candidate to a channel: decide, deploy, promote. Each may find the store silent."""

from flows.line.deciding import keep_apart, settle
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
    """Enter the decision in the ledger and ask the sealed test samples; a decision that is there is taken over.

    Args:
        params: of the project.
        registry: the project's, open.

    Returns:
        the decision.

    Raises:
        SlimlineError: see :func:`flows.line.deciding.settle`.
    """
    decision = settle(params, registry)
    tell("decide", decision.sentence)
    return decision


@asks_outside
def hold_back(params: Params) -> None:
    """Name the samples on which the candidates were chosen, none of which is to be released.

    Args:
        params: of the project.

    Raises:
        SlimlineError: see :func:`flows.line.deciding.keep_apart`.
    """
    keep_apart(params)


@asks_outside
def deploy(params: Params, registry: Registry) -> Release:
    """Put the chosen candidate into the store as a signed release.

    Args:
        params: of the project.
        registry: the project's, open.

    Returns:
        the release, to which no channel points yet.

    Raises:
        SlimlineError: see :func:`tasks.deployment.releases.publishing.upload`.
    """
    release = upload(params, registry, *head())
    where = f"{params.deployment.model} {release.version} is in {params.deployment.store}"
    tell("deploy", f"{where}, manifest {release.manifest_sha256}")
    return release


@asks_outside
def promote(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Fetch the release back, ask it its recorded samples and move a channel to it.

    Args:
        params: of the project.
        registry: the project's, open.
        release: that was uploaded.
        channel: its name.

    Returns:
        the release, with this channel among those that point to it.

    Raises:
        SlimlineError: see :func:`tasks.deployment.releases.publishing.advance`.
    """
    moved = advance(params, registry, release, channel)
    tell(channel, f"{params.deployment.model} {release.version} answers as recorded and is {channel}")
    return moved
