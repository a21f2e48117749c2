"""Approve or reject what waits in staging: the review is written first, then the channel moves.

Whoever is killed between the two leaves an approved release that no channel points to. The next call goes on with it,
be it a person's, a run's or the sweep's, in the name of the one who approved: nothing is approved twice or lost.
"""

from dataclasses import dataclass
from datetime import datetime

from tasks.deployment.approvals.waiting import Terms, Way, expect_staged, expire, way_of
from tasks.deployment.records import MAX_BY, Pointer, Review
from tasks.deployment.registry import read_approvers, see, sign_as_approver
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.promotion import Registry, promote
from tasks.deployment.reviews.rules import is_over, needs_approval
from tasks.errors import Conflict, NotApproved


@dataclass(frozen=True)
class Reviewed:
    """The review that counts after an answer, and where the channel points to after an approval.

    ``review`` is None where the channel points to the release already and nobody had to approve it. ``is_new``: the
    review was not there before. ``has_moved``: the channel has just moved. ``missing``: so many approvers have still to
    sign, and the release waits on.
    """

    review: Review | None
    move: Pointer | None
    is_new: bool
    has_moved: bool = False
    missing: int = 0


def approve(registry: Registry, version: int, terms: Terms, moment: datetime) -> Reviewed:
    """Approve a release that waits in staging, and point the project's channel to it.

    Where it is approved already nothing is written, and a move that is missing is made. Where more approvers have to
    sign, a signature is all that is written.

    Args:
        registry: the project's, open.
        version: the release.
        terms: of the review.
        moment: now, with its time zone.

    Returns:
        the review, where the channel points to, and how many signatures are still missing.

    Raises:
        ConfigError: the project has no staging.
        NotStaged: staging points to another release, a newer one perhaps.
        NotApproved: it was rejected, its time is over, or the gate has not left it to a person.
        Untrusted: nobody trusted has signed it, or too few approvers.
        ReleaseError: it is not what staging names, does not work, or is for another task than the channel's.
        Conflict: somebody else has moved the channel meanwhile.
        StoreError: the store cannot be read or written.
    """
    way, staged = expect_staged(registry, version)
    review, is_new = way.review(staged), False
    if review is None:
        if pointer := way.released(staged):
            return Reviewed(None, pointer, is_new)
        _expect_open(way, staged, terms, moment)
        if missing := _sign(way, staged, terms):
            return Reviewed(None, None, is_new, missing=missing)
        review, is_new = way.write(staged, "approved", terms)
    if review.decision == "rejected":
        raise NotApproved(
            f"Expected {registry.model}@{version} to be open. Received: {review.sentence} {way.once_more(staged)}"
        )
    return _follow(way, staged, review, is_new)


def reject(registry: Registry, version: int, terms: Terms, moment: datetime) -> Reviewed:
    """Reject a release that waits in staging; no channel moves.

    Args:
        registry: the project's, open.
        version: the release.
        terms: of the review.
        moment: now, with its time zone.

    Returns:
        the review.

    Raises:
        ConfigError: the project has no staging.
        NotStaged: staging points to another release, a newer one perhaps.
        NotApproved: it was approved, or the channel points to it.
        Untrusted: nobody trusted has signed it.
        ReleaseError: it is not what staging names.
        StoreError: the store cannot be read or written.
    """
    way, staged = expect_staged(registry, version)
    review, is_new = way.review(staged), False
    if review is None:
        if way.released(staged):
            raise NotApproved(
                f"Expected {registry.model}@{version} to wait. Received: {way.channel} points to it already. "
                f"`slimline rollback --reason …` takes it back."
            )
        review = expire(registry, terms.days, moment)
    if review is None:
        review, is_new = way.write(staged, "rejected", terms)
    if review.decision == "approved":
        raise NotApproved(
            f"Expected {registry.model}@{version} to be open. Received: {review.sentence} "
            f"`slimline rollback --reason …` takes it back."
        )
    return Reviewed(review, None, is_new)


def finish(registry: Registry) -> Pointer | None:
    """Make the move that an approval was to be followed by, if it was killed in between and nobody has moved since.

    Args:
        registry: the project's, open.

    Returns:
        the move, if there was one to make.

    Raises: see :func:`approve`.
    """
    way = way_of(registry)
    staged = way.pointer(way.staging) if way else None
    review = way.review(staged) if way and staged else None
    if way is None or staged is None or review is None or review.decision != "approved":
        return None
    if review.channel != way.channel:
        return None
    pointer = way.pointer(way.channel)
    if (pointer.generation if pointer else 0) != review.channel_generation:
        return None
    return _follow(way, staged, review, is_new=False).move


def _expect_open(way: Way, staged: Pointer, terms: Terms, moment: datetime) -> None:
    """Refuse an approval that comes too late, or of what the settings do not leave to a person."""
    reason, approval = way.release(staged).manifest.inconclusive, way.registry.approval
    if reason is not None and approval != "when_inconclusive":
        raise NotApproved(
            f"Expected a release that the gate has passed, since deployment.approval is {approval}. Received: {reason} "
            f"With deployment.approval: when_inconclusive a person may release what the gate could not decide."
        )
    if needs_approval(approval, reason) and is_over(staged.moved_at, terms.days, moment):
        expire(way.registry, terms.days, moment)
        raise NotApproved(
            f"Expected an approval within {terms.days:g} days (deployment.approval_days). Received: one of a release "
            f"that waits since {staged.moved_at}, and counts as rejected. {way.once_more(staged)}"
        )


def _sign(way: Way, staged: Pointer, terms: Terms) -> int:
    """Sign an approval where its person has a key; gives how many approvers have still to sign.

    Raises:
        Untrusted: signatures are asked for, and this is none of them.
    """
    registry, release = way.registry, way.release(staged)
    if terms.key:
        count, threshold = sign_as_approver(registry.store, release, terms.key, registry.trust)
        return max(0, threshold - count)
    read_approvers(registry.store, release, registry.trust)
    return 0


def _follow(way: Way, staged: Pointer, review: Review, is_new: bool) -> Reviewed:
    """Let the channel follow an approval, once: what was taken back since stays where it is."""
    registry = way.registry
    seen = see(registry.store, registry.model, way.channel)
    if seen.pointer and seen.pointer.manifest_sha256 == staged.manifest_sha256:
        return Reviewed(review, seen.pointer, is_new)
    if review.channel != way.channel:
        raise NotApproved(
            f"Expected an approval for {way.channel}. Received: one for {review.channel}. {review.sentence} "
            f"`slimline promote {staged.version} --channel {way.channel} --reason …` takes it there, too."
        )
    for move in trail(registry.store, registry.model, way.channel):
        if move.generation <= review.channel_generation:
            break
        if move.manifest_sha256 == staged.manifest_sha256:
            raise NotApproved(
                f"Expected {registry.model}@{staged.version} to wait. Received: {review.sentence} It was "
                f"{way.channel} since, and was taken back. `slimline promote {staged.version} --reason …` brings it "
                f"back."
            )
    why = Why(review.reason, f"{review.by} ({review.origin})"[:MAX_BY])
    try:
        move = promote(registry, staged.version, way.channel, why, seen)
    except Conflict:
        if pointer := way.released(staged):  # somebody else has finished it meanwhile
            return Reviewed(review, pointer, is_new)
        raise
    return Reviewed(review, move, is_new, has_moved=True)


def review_sentence(registry: Registry, version: int, made: Reviewed) -> str:
    """Return what came of an answer, in a sentence.

    Args:
        registry: the project's, open.
        version: the release.
        made: what came of it.
    """
    name, review = f"{registry.model} {version}", made.review
    if made.missing:
        return f"{name} has your signature. It waits for that of {made.missing} more of its approvers."
    if review is None:
        return f"{name} is {registry.served} already: there is nothing to approve."
    before = "" if made.is_new else f" Nothing is written again: {review.sentence}"
    if review.decision == "rejected":
        return f"{name} is rejected and stays in {registry.staging}.{before}"
    if not made.has_moved:
        return f"{name} is {registry.served} already.{before}"
    return f"{name} is approved and is {registry.served} now.{before}"
