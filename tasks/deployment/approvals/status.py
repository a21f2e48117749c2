"""The status of a model: the release that the channel points to, and the one that waits in staging for a person."""

from tasks.config import Deployment
from tasks.deployment.records import Release
from tasks.deployment.registry import current, find_releases
from tasks.deployment.reviews.rules import deadline, needs_approval
from tasks.deployment.reviews.stored import read_review
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Readable


class WaitingRelease(Release):
    """A release that waits in staging for a person: until when (UTC, ISO 8601), and the command that answers."""

    until: str | None
    command: str


def find_status(settings: Deployment) -> tuple[Release | None, WaitingRelease | None]:
    """Return what the channel points to, and what waits in staging for a person, whoever has signed it.

    Args:
        settings: of the project.

    Raises:
        ReleaseError: what lies there is no channel or no review.
        StoreError: the store cannot be read.
    """
    store = open_store(settings.store)
    rows, _ = find_releases(store, settings.model)
    released = next((row for row in rows if settings.channel in row.channels), None)
    staged = next((row for row in rows if settings.staging in row.channels), None)
    if staged is None or staged == released:
        return released, None
    return released, _waiting(store, settings, staged, released)


def _waiting(store: Readable, settings: Deployment, staged: Release, released: Release | None) -> WaitingRelease | None:
    if needs_approval(settings.approval, staged.inconclusive):
        move = current(store, settings.model, settings.staging) if settings.staging else None
        if move is None or settings.staging is None or read_review(store, settings.model, settings.staging, move):
            return None
        until = deadline(move.moved_at, settings.approval_days)
        command = f"slimline approve {settings.model}@{staged.version} --reason …"
        return WaitingRelease(
            **dict(staged), until=until.isoformat(timespec="minutes") if until else None, command=command
        )
    if released is not None and released.version > staged.version:
        return None
    return WaitingRelease(**dict(staged), until=None, command=f"slimline promote {staged.version} --reason …")
