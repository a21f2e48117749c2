"""Leases and pins, which keep a release from going while somebody is about to use it.

::

    models/<model>/holds/<version>-<nonce>.json              somebody is about to point a channel to it
    models/<model>/pins/<version>.json                       somebody wants it kept
    models/<model>/releases/<version>/retired-<nonce>.json   somebody is about to remove it, or has

There is no lock, which a killed process would leave behind. Who moves a channel first writes a lease, then looks for
a tombstone, then moves. Who removes first writes the tombstone, then looks for leases, pins and channels, then removes.
Each writes before it looks, so of two at once at least one sees the other and gives way, whatever the store does with
conditions. A release with a tombstone does not exist: nobody can come to it late. A lease that a killed process left
ends by its age. The folder and the files keep the names that they always had.
"""

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tasks.deployment.records import Lease, Pin, Tombstone
from tasks.deployment.registry import (
    SUFFIX,
    Found,
    encode,
    find,
    is_tombstone,
    now,
    read_manifest,
    release_key,
    releases_folder,
)
from tasks.deployment.releases.reasons import check_actor, check_reason
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import NotFound, ReleaseError, StoreError

DAY = timedelta(days=1)  # after which a lease or an unfinished tombstone belongs to a process that is dead


def pins_folder(model: str) -> str:
    """Return the key under which the pins of a model lie.

    Args:
        model: the model's name.
    """
    return f"models/{model}/pins"


def leases_folder(model: str) -> str:
    """Return the key under which the leases of a model lie.

    Args:
        model: the model's name.
    """
    return f"models/{model}/holds"


@contextlib.contextmanager
def lease(store: Store, model: str, version: int) -> Iterator[None]:
    """Keep a release from being removed while a channel is moved to it.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.

    Raises:
        ReleaseError: it is being removed, or has been.
    """
    key = f"{leases_folder(model)}/{version}-{secrets.token_hex(16)}.json"
    store.put(key, encode(Lease(version=version, held_at=now())))
    try:
        _refuse_removed(store, model, version)
        yield
    finally:
        with contextlib.suppress(StoreError):  # then it ends by its age
            store.delete(key)


def pin(store: Store, model: str, version: int, reason: str, by: str) -> Pin:
    """Keep a release until it is unpinned.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.
        reason: for those who ask why it stays.
        by: who wants it.

    Returns:
        the pin, as it is kept.

    Raises:
        ConfigError: the reason is none, or too long.
        ReleaseError: there is no such release, or it is being removed.
    """
    said, who = check_reason(reason), check_actor(by)
    read_manifest(store, model, version, ANYBODY)
    key = f"{pins_folder(model)}/{version}.json"
    made = Pin(version=version, pinned_at=now(), by=who, reason=said)
    store.put(key, encode(made))
    try:
        _refuse_removed(store, model, version)
    except ReleaseError:
        store.delete(key)
        raise
    return made


def unpin(store: Store, model: str, version: int) -> bool:
    """Let a release go when its time comes.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.

    Returns:
        whether it was pinned.
    """
    key = f"{pins_folder(model)}/{version}.json"
    try:
        store.get(key)
    except NotFound:
        return False
    store.delete(key)
    return True


def find_pins(store: Store, model: str) -> Found[Pin]:
    """Return what is pinned, and what lies among the pins and is none.

    Args:
        store: that has the releases.
        model: the model's name.
    """
    return find(store, pins_folder(model), Pin, lambda name, pin: name == str(pin.version))


def pins(store: Store, model: str) -> list[Pin]:
    """Return what is pinned, by version.

    Args:
        store: that has the releases.
        model: the model's name.
    """
    return sorted(find_pins(store, model).records.values(), key=lambda pin: pin.version)


def find_leases(store: Store, model: str) -> Found[Lease]:
    """Return all leases, those of dead processes included, and what lies among them and is none.

    Args:
        store: that has the releases.
        model: the model's name.
    """
    return find(store, leases_folder(model), Lease, lambda name, lease: name.partition("-")[0] == str(lease.version))


def forget_dead_leases(store: Store, model: str) -> None:
    """Remove the leases that killed processes left.

    Args:
        store: that has the releases.
        model: the model's name.
    """
    for name, lease in find_leases(store, model).records.items():
        if is_older(lease.held_at, DAY):
            store.delete(f"{leases_folder(model)}/{name}{SUFFIX}")


@contextlib.contextmanager
def tombstone(store: Store, model: str, version: int, why: str) -> Iterator[Tombstone]:
    """Mark a release as going; the tombstone stays unless the block raises.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.
        why: it goes.

    Yields:
        the tombstone, as it is kept.
    """
    stone = Tombstone(nonce=secrets.token_hex(16), retired_at=now(), why=why)
    key = release_key(model, version, f"retired-{stone.nonce}.json")
    store.put(key, encode(stone))
    try:
        yield stone
    except BaseException:
        store.delete(key)
        raise


def age(moment: str) -> timedelta:
    """Return how long ago a moment of a record was.

    Args:
        moment: in ISO 8601, with a time zone.

    Raises:
        ValueError, TypeError: it is no moment, or one without a time zone.
    """
    return datetime.now(UTC) - datetime.fromisoformat(moment)


def is_older(moment: str, limit: timedelta) -> bool:
    """Return whether a moment of a record was longer ago; never, if it is none: nothing goes by an unknown time.

    Args:
        moment: in ISO 8601, with a time zone.
        limit: the longest time that is not longer.
    """
    try:
        return age(moment) > limit
    except (ValueError, TypeError, OverflowError):
        return False


def _refuse_removed(store: Store, model: str, version: int) -> None:
    for entry in store.list(f"{releases_folder(model)}/{version}"):
        if is_tombstone(entry.key):
            raise ReleaseError(
                f"Expected release {version} of {model} in {store.url} to stay. Received: it is being removed, or was. "
                f"Take another one: `slimline releases` lists all."
            )
