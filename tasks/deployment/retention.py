"""Old releases and uploads that never ended: what goes, what stays and why, and how it goes.

The manifest goes first, so that there is never half a release. A number is never given twice: the mark of the removal
stays in its place. See :mod:`tasks.deployment.holds` for why nobody can point a channel to a release that is going.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from tasks.config import Retention
from tasks.deployment.channels import entry
from tasks.deployment.holds import DAY, age, forget_dead_holds, holds, marked, pins
from tasks.deployment.records import MANIFEST, Claim, Retired
from tasks.deployment.registry import channels, decode, is_mark, release_key, releases_folder, versions
from tasks.deployment.stores.protocol import Leftover, Store
from tasks.errors import NotFound, StoreError
from tasks.records import Record

CLAIM = "claim.json"
PATIENCE = 600.0  # seconds that may pass between the mark and the removal; foreign marks are respected for a day


class Fate(Record):
    """What becomes of a version and why."""

    version: int
    goes: bool
    why: str
    bytes: int


class Protected(Exception):
    """A release that was to go is needed after all."""


def plan(store: Store, model: str, policy: Retention) -> list[Fate]:
    """What becomes of each version of a model, the newest first; nothing is changed.

    Raises:
        StoreError: the store cannot be read.
        ReleaseError: an object in it is not what it should be.
    """
    found = versions(store, model)
    alive = sorted((number for number, files in found.items() if _exists(files)), reverse=True)
    reasons = protected(store, model)
    for place, version in enumerate(alive[: policy.keep], start=1):
        reasons[version].append(f"number {place} of the last {policy.keep}")
    fates = (_fate(store, model, number, files, reasons, policy) for number, files in sorted(found.items()))
    return [fate for fate in fates if fate][::-1]


def protected(store: Store, model: str) -> dict[int, list[str]]:
    """Why releases have to stay whatever their age: holds, pins, and where channels point to and would go back to.

    Holds are read before channels: a hold ends only after its channel has moved.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    for hold in holds(store, model).values():
        if age(hold.held_at) < DAY:
            reasons[hold.version].append("somebody is about to point a channel to it")
    for pinned in pins(store, model):
        reasons[pinned.version].append(f"pinned by {pinned.by}: {pinned.reason}")
    for channel, pointer in channels(store, model):
        reasons[pointer.version].append(f"it is {channel}")
        if pointer.fallback:
            back = entry(store, model, channel, pointer.fallback)
            reasons[back.version].append(f"a rollback of {channel} goes to it")
    return reasons


def _exists(files: dict[str, int]) -> bool:
    return MANIFEST in files and not any(map(is_mark, files))


def _fate(
    store: Store, model: str, version: int, files: dict[str, int], reasons: dict[int, list[str]], policy: Retention
) -> Fate | None:
    """None for a number under which nothing is left."""
    size = sum(files.values())
    if all(map(is_mark, files)):
        return None
    if why := reasons.get(version):
        return Fate(version=version, goes=False, why="; ".join(why), bytes=size)
    if any(map(is_mark, files)):
        return Fate(version=version, goes=True, why="its removal has begun", bytes=size)
    if MANIFEST in files:
        return Fate(version=version, goes=True, why=f"not of the last {policy.keep}", bytes=size)
    begun = _begun(store, model, version)
    if begun is None:
        return Fate(version=version, goes=False, why="without manifest and claim: nobody knows what it is", bytes=size)
    old = age(begun) > timedelta(hours=policy.orphan_hours)
    why_not = f"an upload begun at {begun}" + (" that never ended" if old else ", which may still go on")
    return Fate(version=version, goes=old, why=why_not, bytes=size)


def _begun(store: Store, model: str, version: int) -> str | None:
    key = release_key(model, version, CLAIM)
    try:
        return decode(store.get(key).content, Claim, f"{store.url}/{key}").claimed_at
    except NotFound:
        return None


def clean(store: Store, model: str, policy: Retention) -> Iterator[Fate]:
    """Remove what has to go; gives each version's fate as it is known, the newest first.

    Raises:
        StoreError: the store cannot be read or written; what is left goes the next time.
        ReleaseError: an object in it is not what it should be.
    """
    forget_dead_holds(store, model)
    for fate in plan(store, model, policy):
        if fate.goes:
            yield _remove(store, model, fate)
        else:
            _forget_dead_marks(store, model, fate.version)
            yield fate


def _remove(store: Store, model: str, fate: Fate) -> Fate:
    """Mark, look again, and only then remove: the manifest first, the mark never."""
    folder = f"{releases_folder(model)}/{fate.version}"
    try:
        with marked(store, model, fate.version, fate.why):
            _look_again(store, model, fate.version)
    except Protected as error:
        return fate.model_copy(update={"goes": False, "why": str(error)})
    store.delete(f"{folder}/{MANIFEST}")
    for item in list(store.list(folder)):
        if not is_mark(item.key):
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
    """Take back the marks of removals that were killed before they saw that the release is needed."""
    for item in list(store.list(f"{releases_folder(model)}/{version}")):
        if is_mark(item.key):
            mark = decode(store.get(item.key).content, Retired, f"{store.url}/{item.key}")
            if age(mark.retired_at) > DAY:
                store.delete(item.key)


def leftovers(store: Store, model: str, policy: Retention) -> list[Leftover]:
    """Pieces of a model's uploads that were begun long ago and are no object."""
    folders, limit = (f"models/{model}/", f"serving/{model}/", "probes/"), timedelta(hours=policy.orphan_hours)
    return [each for each in store.leftovers() if each.key.startswith(folders) and age(each.began.isoformat()) > limit]
