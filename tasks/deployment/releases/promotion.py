"""Channels move forward: to a release that has just been seen to work, or back to the one before, as a new move."""

from dataclasses import dataclass, replace

from tasks.config import Approval, Deployment
from tasks.deployment.records import Pointer
from tasks.deployment.registry import Sealed, Seen, current, read_approvers, see
from tasks.deployment.releases.channels import Why, entry, move, move_back, trail
from tasks.deployment.releases.data_consents import find_replacing
from tasks.deployment.releases.leases import lease
from tasks.deployment.releases.replacing import expect_same_task, find_consent, read_task
from tasks.deployment.releases.serving import serve
from tasks.deployment.releases.smoke import smoke
from tasks.deployment.reviews.rules import needs_approval
from tasks.deployment.reviews.stored import read_review
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import Trust, project_trust
from tasks.errors import NotApproved, NotStaged, ReleaseError


@dataclass(frozen=True)
class Registry:
    """An open store, the channels of a model in it and whose releases they take.

    ``staging``, if there is one, comes before any other channel.
    """

    store: Store
    model: str
    trust: Trust
    staging: str | None
    served: str | None = None  # the project's own channel, which TensorFlow Serving follows
    replaces: str | None = None  # a release of another task that may be replaced, see replacing.py
    approval: Approval = "none"  # which releases wait in staging for a person


def registry_of(settings: Deployment, trust: Trust | None = None) -> Registry:
    """Open what params.yaml says. It is handed on, as each opening makes connections of its own.

    Args:
        settings: of the project.
        trust: whose releases are taken; by default as the settings say.

    Returns:
        the store with the model's channels and those whom the project trusts.

    Raises:
        ConfigError: the store's address or a trusted key is wrong.
    """
    return Registry(
        store=open_store(settings.store),
        model=settings.model,
        trust=trust or project_trust(settings.trust),
        staging=settings.staging,
        served=settings.channel,
        replaces=settings.replaces,
        approval=settings.approval,
    )


def renewed(registry: Registry, settings: Deployment) -> Registry:
    """Return the registry, still open, with whom the project trusts now: its local key counts once it is made.

    Args:
        registry: that was opened before.
        settings: of the project.

    Raises:
        ConfigError: a trusted key is wrong.
    """
    return replace(registry, trust=project_trust(settings.trust))


def promote(registry: Registry, version: int | None, channel: str, why: Why, seen: Seen | None = None) -> Pointer:
    """Point a channel to a release after it was fetched back and has given its recorded answers.

    Args:
        registry: of the model, open.
        version: the release; None for the one in staging.
        channel: its name.
        why: who moves it, for what reason.
        seen: the channel as it must still be; by default as it is now.

    Returns:
        the move; the last one, if the channel points to the release already. What was rejected in staging gets a move
        of its own there, so that it waits once more.

    Raises:
        Untrusted: nobody trusted has signed the release, or too few approvers.
        NotStaged: staging does not point to it.
        NotApproved: it waits for a person's approval, or was rejected.
        ReleaseError: there is no such release, it does not work, or it is for another task than the channel's.
        Conflict: somebody else has moved the channel meanwhile.
        StoreError: the store cannot be read or written.
    """
    staged = _staged(registry, version, channel)
    number = staged.version if staged else version
    if number is None:
        raise ReleaseError(
            f"Expected the version that {channel} of {registry.model} is to point to. Received: none. Name one."
        )
    if number < 1:
        raise ReleaseError(f"Expected a release of {registry.model}, whose numbers begin with 1. Received: {number}.")
    before = seen or see(registry.store, registry.model, channel)
    digest = staged.manifest_sha256 if staged else None
    with lease(registry.store, registry.model, number):
        release = smoke(registry.store, registry.model, number, registry.trust, digest)
        _expect_signed(registry, channel, release)
        if before.pointer and before.pointer.manifest_sha256 == release.sha256 and not _is_rejected(registry, channel):
            moved = before.pointer
        else:
            replaced = _replaced(registry, channel, before, release)
            expect_approved(registry, channel, staged, release)
            moved = move(registry.store, registry.model, channel, before, release, why, replaced)
        _follow(registry, channel, moved, release)
        return moved


def _replaced(registry: Registry, channel: str, before: Seen, release: Sealed) -> int | None:
    """The release of another task that a consent lets it replace; staging is on the way to the project's channel."""

    def is_named(target: str, pointer: Pointer | None) -> bool:
        if pointer is None:
            return False
        named = registry.replaces
        if named is not None and find_consent(registry.store, registry.model, target, pointer, named).counts:
            return True
        consent = find_replacing(registry.store, registry.model, target, pointer)
        return consent is not None and consent.for_classes(read_task(registry.store, release).classes).counts

    def allowed(pointer: Pointer) -> bool:
        on_the_way = registry.served if channel == registry.staging else None
        goal = current(registry.store, registry.model, on_the_way) if on_the_way else None
        return is_named(channel, pointer) or (on_the_way is not None and is_named(on_the_way, goal))

    return expect_same_task(registry.store, registry.model, before.pointer, channel, release, allowed)


def _expect_signed(registry: Registry, channel: str, release: Sealed) -> None:
    """Refuse a channel beside staging what too few approvers have signed, where any must: no device would take it."""
    if channel != registry.staging:
        read_approvers(registry.store, release, registry.trust)


def _is_rejected(registry: Registry, channel: str) -> bool:
    """Return whether the channel is staging, and what it points to was rejected."""
    if channel != registry.staging or not (staged := current(registry.store, registry.model, channel)):
        return False
    review = read_review(registry.store, registry.model, channel, staged)
    return review is not None and review.decision == "rejected"


def expect_approved(registry: Registry, channel: str, staged: Pointer | None, release: Sealed) -> None:
    """Refuse a channel beside staging what waits for a person; what it has pointed to before needs no approval anew.

    Args:
        registry: open.
        channel: that is to move.
        staged: where staging points to; None where the channel does not have to wait for it.
        release: to which the channel is to point.

    Raises:
        NotApproved: nobody has approved it, or somebody has rejected it.
        ReleaseError: the channel's trail is not whole.
        StoreError: the store cannot be read.
    """
    store, model, staging = registry.store, registry.model, registry.staging
    if channel == staging or not needs_approval(registry.approval, release.manifest.inconclusive):
        return
    review = read_review(store, model, staging, staged) if staging and staged else None
    if review and review.decision == "approved":
        return
    if any(move.manifest_sha256 == release.sha256 for move in trail(store, model, channel)):
        return
    name = f"{model}@{release.manifest.version}"
    raise NotApproved(
        f"Expected a person's approval before {name} goes to {channel}. Received: "
        f"{review.sentence if review else 'none'}. "
        + (
            f"`slimline promote {release.manifest.version} --channel {staging} --reason …` lets it wait once more."
            if review
            else f"Look at it, then `slimline approve {name} --reason …`, or `slimline reject {name} --reason …`."
        )
    )


def _follow(registry: Registry, channel: str, moved: Pointer, release: Sealed) -> None:
    """Let TensorFlow Serving follow the channel, if it is the one that it follows."""
    if channel == registry.served:
        serve(registry.store, moved, release)


def _staged(registry: Registry, version: int | None, channel: str) -> Pointer | None:
    """Return where staging points to; None where a channel does not have to wait for it."""
    if registry.staging is None or channel == registry.staging:
        return None
    staged = current(registry.store, registry.model, registry.staging)
    if staged is None or version not in (None, staged.version):
        received = f"release {staged.version}" if staged else "none"
        wanted = f"release {version}" if version else "a release"
        raise NotStaged(
            f"Expected {wanted} of {registry.model} in {registry.staging} before it goes to {channel}. "
            f"Received: {received}. Promote it to {registry.staging} first."
        )
    return staged


def rollback(registry: Registry, channel: str, why: Why, to: int | None = None) -> Pointer:
    """Point a channel to the release that it pointed to before, or to an earlier one; a new move all the same.

    Args:
        registry: of the model, open.
        channel: its name.
        why: who moves it, for what reason.
        to: a release that the channel has pointed to; by default the one before.

    Returns:
        the move.

    Raises:
        Untrusted: nobody trusted has signed the release, or too few approvers.
        ReleaseError: there is none to go back to, or it does not work any more.
        Conflict: somebody else has moved the channel meanwhile.
        StoreError: the store cannot be read or written.
    """
    seen = see(registry.store, registry.model, channel)
    target = seen.pointer
    while target is not None:
        target = entry(registry.store, registry.model, channel, target.fallback) if target.fallback else None
        if target and to in (None, target.version):
            with lease(registry.store, registry.model, target.version):
                release = smoke(registry.store, registry.model, target.version, registry.trust, target.manifest_sha256)
                _expect_signed(registry, channel, release)
                moved = move_back(registry.store, registry.model, channel, seen, target, why)
                _follow(registry, channel, moved, release)
                return moved
    wanted = f"release {to} in the past" if to else "a release before the one"
    raise ReleaseError(
        f"Expected {wanted} of the channel {channel} of {registry.model}. Received: none. "
        f"`slimline audit` shows where it has pointed to."
    )
