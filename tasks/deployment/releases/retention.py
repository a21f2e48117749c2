"""Old releases and uploads that never ended: what goes, what stays and why, and how it goes.

Nothing goes while there is an object among channels, pins and leases that is not understood: it may stand for a
release, as a channel does that devices follow and whose name nobody could give today.

The manifest goes first, so that there is never half a release. A number is never given twice: the tombstone
stays in its place. :mod:`tasks.deployment.releases.leases` keeps anybody from pointing a channel to a release that is
going.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from tasks.config import Retention
from tasks.deployment.records import MANIFEST, Claim, Tombstone
from tasks.deployment.registry import (
    Odd,
    decode,
    find_channels,
    is_tombstone,
    release_key,
    releases_folder,
    versions,
)
from tasks.deployment.releases.channels import audit_key, entry
from tasks.deployment.releases.leases import DAY, age, find_leases, find_pins, forget_dead_leases, is_older, tombstone
from tasks.deployment.stores.protocol import Leftover, Store, is_key
from tasks.errors import NotFound, ReleaseError, StoreError, StoreUnavailable
from tasks.records import Record

CLAIM = "claim.json"
SHOWN = 10  # of what is not understood, in a message
PATIENCE = 600.0  # seconds that may pass between the tombstone and the removal; foreign ones are respected for a day


class Fate(Record):
    """The end of a version, and why."""

    version: int
    goes: bool
    why: str
    bytes: int


class Tidied(Record):
    """The ends of a model's versions, the newest first, and pieces of uploads that are gone or would go."""

    fates: tuple[Fate, ...]
    pieces: tuple[str, ...]

    @property
    def gone(self) -> int:
        """Number of versions that are gone or would go."""
        return sum(fate.goes for fate in self.fates)


class Protected(Exception):
    """A release that was to go is needed after all."""


def tidy(store: Store, model: str, policy: Retention, dry_run: bool = False) -> Tidied:
    """Remove a model's old releases and the pieces of uploads that never ended.

    Args:
        store: where they are.
        model: its name.
        policy: what stays.
        dry_run: only find out what would go.

    Returns:
        what became of each version and of each piece, or would become.

    Raises:
        StoreError: the store cannot be read or written; what is left goes the next time.
        ReleaseError: something in it is not understood, so nothing may go.
    """
    pieces = leftovers(store, model, policy)
    fates = plan(store, model, policy) if dry_run else list(clean(store, model, policy))
    for piece in () if dry_run else pieces:
        store.discard(piece)
    return Tidied(fates=tuple(fates), pieces=tuple(piece.key for piece in pieces))


def plan(store: Store, model: str, policy: Retention) -> list[Fate]:
    """Return what becomes of each version of a model, the newest first; nothing is changed.

    Args:
        store: where the releases are.
        model: the model's name.
        policy: what stays.

    Raises:
        StoreError: the store cannot be read.
        ReleaseError: something in it is not understood, so nothing may go.
    """
    found = versions(store, model)
    alive = sorted((number for number, files in found.items() if _exists(files)), reverse=True)
    reasons = protected(store, model)
    for rank, version in enumerate(alive[: policy.keep], start=1):
        reasons[version].append(f"number {rank} of the last {policy.keep}")
    fates = (_fate(store, model, number, files, reasons, policy) for number, files in sorted(found.items()))
    return [fate for fate in fates if fate][::-1]


def protected(store: Store, model: str) -> dict[int, list[str]]:
    """Return why releases stay whatever their age: leases, pins, and where channels point to and would go back to.

    Leases are read before channels: a lease ends only after its channel has moved.

    Args:
        store: where the releases are.
        model: the model's name.

    Raises:
        StoreError: the store cannot be read.
        ReleaseError: something is not understood, and might stand for any release.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    leases, pins, channels = find_leases(store, model), find_pins(store, model), find_channels(store, model)
    odd = [*leases.odd, *pins.odd, *channels.odd]
    for lease in leases.records.values():
        if not is_older(lease.held_at, DAY):
            reasons[lease.version].append(f"somebody is about to point a channel to it, since {lease.held_at}")
    for pinned in pins.records.values():
        reasons[pinned.version].append(f"pinned by {pinned.by}: {pinned.reason}")
    for channel, pointer in channels.records.items():
        reasons[pointer.version].append(f"it is {channel}")
        if pointer.fallback:
            try:
                back = entry(store, model, channel, pointer.fallback)
            except ReleaseError as error:
                odd.append(Odd(audit_key(model, channel, pointer.fallback), str(error)))
            else:
                reasons[back.version].append(f"a rollback of {channel} goes to it")
    if odd:
        raise _not_understood(store, model, odd)
    return reasons


def _not_understood(store: Store, model: str, odd: Sequence[Odd]) -> ReleaseError:
    lines = [f"  {each}" for each in odd[:SHOWN]]
    if len(odd) > SHOWN:
        lines.append(f"  and {len(odd) - SHOWN:,} more")
    listed = "\n".join(lines)
    return ReleaseError(
        f"Expected to understand all channels, pins and leases of {model} in {store.url} before a release is removed. "
        f"Received:\n{listed}\nNothing is removed. Move away what does not belong there. Restore a channel from the "
        f"last entry of its audit trail. If a newer slimline wrote it, update this one."
    )


def _exists(files: dict[str, int]) -> bool:
    return MANIFEST in files and not any(map(is_tombstone, files))


def _fate(
    store: Store, model: str, version: int, files: dict[str, int], reasons: dict[int, list[str]], policy: Retention
) -> Fate | None:
    """None for a number under which nothing is left."""
    if all(map(is_tombstone, files)):
        return None
    strange = [name for name in files if not is_key(release_key(model, version, name))]
    if why := reasons.get(version):
        goes, word = False, "; ".join(why)
    elif strange:
        goes, word = False, f"slimline cannot remove what lies there: {strange[0]!r}"
    elif any(map(is_tombstone, files)):
        goes, word = True, "its removal has begun"
    elif MANIFEST in files:
        goes, word = True, f"not of the last {policy.keep}"
    else:
        goes, word = _unfinished(store, model, version, policy)
    return Fate(version=version, goes=goes, why=word, bytes=sum(files.values()))


def _unfinished(store: Store, model: str, version: int, policy: Retention) -> tuple[bool, str]:
    """Return whether an upload without a manifest goes, and why."""
    begun = _begun(store, model, version)
    if begun is None:
        return False, "without a manifest, and without a claim that is understood: nobody knows what it is"
    old = is_older(begun, timedelta(hours=policy.orphan_hours))
    return old, f"an upload begun at {begun}" + (" that never ended" if old else ", which may still go on")


def _begun(store: Store, model: str, version: int) -> str | None:
    """Return when an upload has begun; None where no claim says it that is understood."""
    try:
        return decode(store.get(release_key(model, version, CLAIM)).content, Claim, CLAIM).claimed_at
    except StoreUnavailable:
        raise
    except (StoreError, ReleaseError):
        return None


def clean(store: Store, model: str, policy: Retention) -> Iterator[Fate]:
    """Remove what has to go, and yield each version's fate as it is known, the newest first.

    Args:
        store: where the releases are.
        model: the model's name.
        policy: what stays.

    Yields:
        the fate of a version, which is gone if the fate says so.

    Raises:
        StoreError: the store cannot be read or written; what is left goes the next time.
        ReleaseError: something in it is not understood, so nothing may go.
    """
    fates = plan(store, model, policy)
    forget_dead_leases(store, model)
    for fate in fates:
        if fate.goes:
            yield _remove(store, model, fate)
        else:
            _forget_dead_marks(store, model, fate.version)
            yield fate


def _remove(store: Store, model: str, fate: Fate) -> Fate:
    """Write a tombstone, look again, and only then remove: the manifest first, the tombstone never."""
    folder = f"{releases_folder(model)}/{fate.version}"
    try:
        with tombstone(store, model, fate.version, fate.why):
            _look_again(store, model, fate.version)
    except Protected as error:
        return fate.model_copy(update={"goes": False, "why": str(error)})
    store.delete(f"{folder}/{MANIFEST}")
    for item in list(store.list(folder)):
        if not is_tombstone(item.key):
            store.delete(item.key)
    return fate


def _look_again(store: Store, model: str, version: int) -> None:
    began = time.monotonic()
    if why := protected(store, model).get(version):
        raise Protected("; ".join(why))
    if time.monotonic() - began > PATIENCE:
        raise StoreError(
            f"Expected {store.url} to answer within {PATIENCE:.0f} s. Received: no answer for longer. "
            f"Nothing was removed: try again."
        )


def _forget_dead_marks(store: Store, model: str, version: int) -> None:
    """Take back the tombstones of removals that were killed before they saw that the release is needed."""
    for item in list(store.list(f"{releases_folder(model)}/{version}")):
        if is_tombstone(item.key):
            with contextlib.suppress(ReleaseError, NotFound):  # a tombstone that is not understood stays
                stone = decode(store.get(item.key).content, Tombstone, item.key)
                if is_older(stone.retired_at, DAY):
                    store.delete(item.key)


def leftovers(store: Store, model: str, policy: Retention) -> list[Leftover]:
    """Return the pieces of a model's uploads that were begun long ago and are no object.

    Args:
        store: where the uploads went.
        model: the model's name.
        policy: says how long ago.
    """
    folders, limit = (f"models/{model}/", f"serving/{model}/", "probes/"), timedelta(hours=policy.orphan_hours)
    return [each for each in store.leftovers() if each.key.startswith(folders) and age(each.began.isoformat()) > limit]
