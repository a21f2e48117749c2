"""The sweep over what waits: an approval that was killed is finished, and what has waited too long is rejected."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.config import Deployment
from tasks.deployment.approvals.approving import finish
from tasks.deployment.approvals.waiting import expire
from tasks.deployment.records import Pointer, Review
from tasks.deployment.releases.promotion import Registry, registry_of


@dataclass(frozen=True)
class Swept:
    """The move that an approval was still to be followed by, and the rejection of what waited too long."""

    finished: Pointer | None = None
    expired: Review | None = None

    def sentences(self, model: str) -> list[str]:
        """Return what was done, in a sentence each.

        Args:
            model: its name.
        """
        said = []
        if move := self.finished:
            said.append(f"{model} {move.version}, which {move.moved_by} has approved, is released now: {move.reason}")
        if review := self.expired:
            said.append(f"{model} {review.version} is rejected: {review.reason}")
        return said


def sweep(settings: Deployment, moment: datetime | None = None, registry: Registry | None = None) -> Swept:
    """Finish what was approved, and reject what has waited for too long; to do it again does no harm.

    Args:
        settings: of the project.
        moment: now, with its time zone; by default as the clock says.
        registry: the project's, open; by default it is opened.

    Returns:
        what was done about each release that waited.

    Raises:
        ConfigError: the store's address or a trusted key is wrong.
        Untrusted: nobody trusted has signed what staging points to, or too few approvers.
        ReleaseError: what staging points to is not what it names, or does not work.
        Conflict: somebody else has moved the channel meanwhile.
        StoreError: the store cannot be read or written.
    """
    registry = registry or registry_of(settings)
    finished = finish(registry)
    return Swept(finished, expire(registry, settings.approval_days, moment or datetime.now(UTC)))
