"""Releases that wait in staging for a person: what is said of them, and what a run's start does about them."""

from flows.line.announcing import announce_move
from flows.line.telling import tell
from tasks.config import Params
from tasks.deployment.approvals.sweeping import Swept, sweep
from tasks.deployment.approvals.waiting import find_waiting
from tasks.deployment.records import Release
from tasks.deployment.releases.promotion import Registry, renewed
from tasks.deployment.reviews.rules import deadline
from tasks.errors import Conflict, ReleaseError


def waits_sentence(params: Params, registry: Registry, release: Release) -> str:
    """Return what waits, for how long, and the commands that answer.

    Args:
        params: of the project.
        registry: the project's, open.
        release: in staging.
    """
    settings, name = params.deployment, f"{release.model}@{release.version}"
    staged = find_waiting(renewed(registry, settings))
    is_it = staged is not None and staged.version == release.version
    until = deadline(staged.moved_at, settings.approval_days) if staged and is_it else None
    limit = f" until {until.isoformat(timespec='minutes')}" if until else ""
    return (
        f"{name} waits in {settings.staging} for a person{limit}: `slimline approve {name} --reason …` or "
        f"`slimline reject {name} --reason …`, or the deployment approve on the pages."
    )


def sweep_waiting(params: Params, registry: Registry) -> None:
    """Finish an approval that was killed and reject what waits too long; what cannot be done now is told, and stays.

    Args:
        params: of the project.
        registry: the project's, open.
    """
    try:
        swept = sweep(params.deployment, registry=registry)
    except (ReleaseError, Conflict) as error:
        tell("approval", str(error))
        return
    for sentence in announced(swept, registry):
        tell("approval", sentence)


def announced(swept: Swept, registry: Registry) -> list[str]:
    """Let people be told of the move that a sweep has made, if it has made one.

    Args:
        swept: what the sweep has done.
        registry: the project's, open.

    Returns:
        a sentence for each thing done.
    """
    if swept.finished and registry.served:
        announce_move(registry, registry.served, swept.finished)
    return swept.sentences(registry.model)
