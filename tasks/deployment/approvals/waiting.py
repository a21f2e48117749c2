"""Find what waits in staging for a person, write its review, and reject what has waited for too long."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.records import Pointer, Review
from tasks.deployment.registry import Sealed, current, now, read_manifest
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.reviews.rules import is_over, needs_approval
from tasks.deployment.reviews.stored import read_review, write_review
from tasks.errors import ConfigError, NotStaged

SLIMLINE = "slimline"  # who rejects what nobody has answered in time


@dataclass(frozen=True)
class Terms:
    """The terms of a review: who gives it and why, from where, and how many days a release waits for it.

    ``key`` signs an approval, where its person has one.
    """

    why: Why
    origin: str
    days: float
    key: Ed25519PrivateKey | None = None


@dataclass(frozen=True)
class Way:
    """The way of a release: the registry, the channel where it waits and the one it waits for."""

    registry: Registry
    staging: str
    channel: str

    def pointer(self, channel: str) -> Pointer | None:
        """Return where a channel points to.

        Args:
            channel: its name.
        """
        return current(self.registry.store, self.registry.model, channel)

    def released(self, staged: Pointer) -> Pointer | None:
        """Return where the project's channel points to, if that is what staging has.

        Args:
            staged: where staging points to.
        """
        pointer = self.pointer(self.channel)
        return pointer if pointer and pointer.manifest_sha256 == staged.manifest_sha256 else None

    def review(self, staged: Pointer) -> Review | None:
        """Return the review of a move of staging; None while there is none.

        Args:
            staged: the move.
        """
        return read_review(self.registry.store, self.registry.model, self.staging, staged)

    def release(self, staged: Pointer) -> Sealed:
        """Return what staging points to.

        Args:
            staged: where staging points to.

        Raises:
            Untrusted: nobody trusted has signed the release.
            ReleaseError: its manifest is not what staging names.
        """
        registry = self.registry
        return read_manifest(registry.store, registry.model, staged.version, registry.trust, staged.manifest_sha256)

    def write(
        self, staged: Pointer, decision: Literal["approved", "rejected"], terms: Terms, expired: bool = False
    ) -> tuple[Review, bool]:
        """Write a review of a move of staging.

        Args:
            staged: the move.
            decision: what a person has decided, or time has.
            terms: of the review: who, why and from where.
            expired: nobody has answered in time.

        Returns:
            the review that counts, and whether it is this one.
        """
        pointer = self.pointer(self.channel)
        review = Review(
            decision=decision,
            version=staged.version,
            manifest_sha256=staged.manifest_sha256,
            generation=staged.generation,
            channel=self.channel,
            channel_generation=pointer.generation if pointer else 0,
            nonce=secrets.token_hex(16),
            at=now(),
            by=terms.why.by,
            reason=terms.why.reason,
            origin=terms.origin,
            expired=expired,
        )
        found = write_review(self.registry.store, self.registry.model, self.staging, staged, review)
        return found, found.nonce == review.nonce

    def once_more(self, staged: Pointer) -> str:
        """Return how a release that was rejected waits anew, in a sentence.

        Args:
            staged: the move that was rejected.
        """
        return f"`slimline promote {staged.version} --channel {self.staging} --reason …` lets it wait once more."


def way_of(registry: Registry) -> Way | None:
    """Return the way through staging; None where a project has none.

    Args:
        registry: the project's, open.
    """
    if registry.staging is None or registry.served is None:
        return None
    return Way(registry, registry.staging, registry.served)


def find_waiting(registry: Registry) -> Pointer | None:
    """Return the move of staging that waits for a person's review; None where nothing waits.

    Args:
        registry: the project's, open.

    Raises:
        Untrusted: nobody trusted has signed what staging points to.
        ReleaseError: what staging points to is not what it names.
        StoreError: the store cannot be read.
    """
    way = way_of(registry)
    staged = way.pointer(way.staging) if way else None
    if way is None or staged is None or way.released(staged) or way.review(staged):
        return None
    return staged if needs_approval(registry.approval, way.release(staged).manifest.inconclusive) else None


def find_review(registry: Registry) -> Review | None:
    """Return the review of what staging points to; None while there is none.

    Args:
        registry: the project's, open.

    Raises:
        ReleaseError: what lies there is no review, or is about another release.
        StoreError: the store cannot be read.
    """
    way = way_of(registry)
    staged = way.pointer(way.staging) if way else None
    return way.review(staged) if way and staged else None


def expect_staged(registry: Registry, version: int) -> tuple[Way, Pointer]:
    """Return the move of staging to a release, whose manifest is what it names.

    Args:
        registry: the project's, open.
        version: the release.

    Raises:
        ConfigError: the project has no staging.
        NotStaged: staging points to another release, a newer one perhaps.
        Untrusted: nobody trusted has signed the release.
        ReleaseError: its manifest is not what staging names.
        StoreError: the store cannot be read.
    """
    way = way_of(registry)
    if way is None:
        raise ConfigError(
            "Expected a project with a staging channel, where a release waits. Received: deployment.staging is null."
        )
    staged = way.pointer(way.staging)
    if staged is None or staged.version != version:
        received = f"release {staged.version}, moved there at {staged.moved_at}" if staged else "none"
        raise NotStaged(
            f"Expected release {version} of {registry.model} in {way.staging}, where it waits. Received: {received}. "
            f"Only what is in {way.staging} can be approved or rejected: `slimline status` shows it."
        )
    way.release(staged)
    return way, staged


def expire(registry: Registry, days: float, moment: datetime) -> Review | None:
    """Reject what waits in staging for longer than it may; a review that is there stays.

    Args:
        registry: the project's, open.
        days: how long a release waits, as ``deployment.approval_days`` says.
        moment: now, with its time zone.

    Returns:
        the rejection, if it was written just now.

    Raises: see :func:`find_waiting`.
    """
    way, staged = way_of(registry), find_waiting(registry)
    if way is None or staged is None or not is_over(staged.moved_at, days, moment):
        return None
    why = Why(f"Nobody has approved it within {days:g} days, since {staged.moved_at}.", SLIMLINE)
    review, is_new = way.write(staged, "rejected", Terms(why, "the time limit", days), expired=True)
    return review if is_new else None
