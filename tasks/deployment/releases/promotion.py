"""Channels move forward: to a release that has just been seen to work, or back to the one before, as a new move."""

from dataclasses import dataclass, replace

from tasks.config import Deployment
from tasks.deployment.records import Pointer
from tasks.deployment.registry import Sealed, Seen, current, see
from tasks.deployment.releases.channels import Why, entry, move, move_back
from tasks.deployment.releases.data_consents import find_replacing
from tasks.deployment.releases.leases import lease
from tasks.deployment.releases.replacing import expect_same_task, find_consent, read_task
from tasks.deployment.releases.serving import serve
from tasks.deployment.releases.smoke import smoke
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import Trust, project_trust
from tasks.errors import NotStaged, ReleaseError


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


def registry_of(settings: Deployment) -> Registry:
    """Open what params.yaml says. It is handed on, as each opening makes connections of its own.

    Raises:
        ConfigError: the store's address or a trusted key is wrong.
    """
    trust = project_trust(settings.trust)
    return Registry(
        open_store(settings.store), settings.model, trust, settings.staging, settings.channel, settings.replaces
    )


def renewed(registry: Registry, settings: Deployment) -> Registry:
    """Return the registry, still open, with whom the project trusts now: its local key counts once it is made.

    Raises:
        ConfigError: a trusted key is wrong.
    """
    return replace(registry, trust=project_trust(settings.trust))


def promote(registry: Registry, version: int | None, channel: str, why: Why, seen: Seen | None = None) -> Pointer:
    """Point a channel to a release after it was fetched back and has given its recorded answers.

    Args:
        version: the release; None for the one in staging.
        seen: the channel as it must still be; by default as it is now.

    Returns:
        the move; the last one, if the channel points to the release already.

    Raises:
        Untrusted: nobody trusted has signed the release.
        NotStaged: staging does not point to it.
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
        if before.pointer and before.pointer.manifest_sha256 == release.sha256:
            moved = before.pointer
        else:
            replaced = _replaced(registry, channel, before, release)
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
        to: a release that the channel has pointed to; by default the one before.

    Raises:
        Untrusted: nobody trusted has signed the release.
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
                moved = move_back(registry.store, registry.model, channel, seen, target, why)
                _follow(registry, channel, moved, release)
                return moved
    wanted = f"release {to} in the past" if to else "a release before the one"
    raise ReleaseError(
        f"Expected {wanted} of the channel {channel} of {registry.model}. Received: none. "
        f"`slimline audit` shows where it has pointed to."
    )
