"""Moves of a channel and the trail that they leave.

::

    models/<model>/channels/<channel>.json             the last move: where the channel points to
    models/<model>/audit/<channel>/<generation>.json   every move, as it was in the channel

No entry of the trail can be missing, whoever is killed when. A move is one compare-and-swap of the pointer, and the
pointer is the entry: who, when, why, from where, to where. Its copy in the trail is written after the swap, by the one
who moved; and once more, before the next swap, by the one who is about to replace it. As that swap succeeds only if the
move was still the last one, the trail up to generation n is complete before there is a generation n + 1. The last move
is in the pointer itself, where :func:`trail` begins.
"""

import contextlib
import getpass
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tasks.config import check_name
from tasks.deployment.records import Pointer
from tasks.deployment.registry import Sealed, Seen, channel_key, decode, encode, now, see
from tasks.deployment.releases.leases import lease
from tasks.deployment.releases.reasons import ACTOR, check_actor, check_reason
from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import Conflict, NotFound, ReleaseError, StoreError, StoreUnavailable


@dataclass(frozen=True)
class Why:
    """A reason, and who has it; bytes that are no UTF-8 are held as their escapes.

    Raises:
        ConfigError: there is none, or it is longer than the trail takes.
    """

    reason: str
    by: str

    def __post_init__(self) -> None:
        """Check it before any work begins."""
        object.__setattr__(self, "reason", check_reason(self.reason))
        object.__setattr__(self, "by", check_actor(self.by))


def audit_key(model: str, channel: str, generation: int) -> str:
    """Return where the copy of a move is.

    Args:
        model: the model's name.
        channel: its name.
        generation: of the move, from 1.
    """
    return f"models/{model}/audit/{channel}/{generation:08}.json"


def actor() -> str:
    """Return who is at work: the environment's ``SLIMLINE_ACTOR``, else the account and the machine.

    Raises:
        ConfigError: the name is longer than readers take.
    """
    if name := os.environ.get(ACTOR):
        return check_actor(name)
    try:
        return check_actor(f"{getpass.getuser()}@{socket.gethostname()}")
    except (KeyError, OSError):  # an account without a name, as in a container
        return f"{os.getuid()}@{socket.gethostname()}"


def move(
    store: Store, model: str, channel: str, seen: Seen, release: Sealed, why: Why, replaces: int | None = None
) -> Pointer:
    """Point a channel to a release, if it still is as it was seen.

    Args:
        store: that has the channel.
        model: the model's name.
        channel: its name.
        seen: the channel as it must still be.
        release: where it is to point.
        why: who moves it, for what reason.
        replaces: the release of another task whose place a person let it take.

    Returns:
        the move, as it stands in the channel.

    Raises:
        Conflict: somebody else has moved it.
        ReleaseError: the channel was set back outside of slimline.
    """
    pointer = _next(seen, "promote", release.manifest.version, release.sha256, why)
    return _swap(store, model, channel, seen, pointer.model_copy(update={"replaces": replaces}))


def move_back(store: Store, model: str, channel: str, seen: Seen, to: Pointer, why: Why) -> Pointer:
    """Point a channel to the release of an earlier move, a new generation all the same.

    Args:
        store: that has the channel.
        model: the model's name.
        channel: its name.
        seen: the channel as it must still be.
        to: the earlier move.
        why: who moves it, for what reason.

    Returns:
        the move, as it stands in the channel.

    Raises:
        Conflict: somebody else has moved it.
        ReleaseError: the channel was set back outside of slimline.
    """
    pointer = _next(seen, "rollback", to.version, to.manifest_sha256, why)
    return _swap(store, model, channel, seen, pointer.model_copy(update={"fallback": to.fallback}))


def trail(store: Readable, model: str, channel: str) -> Iterator[Pointer]:
    """Yield all moves of a channel, the newest first.

    Args:
        store: that has the channel.
        model: the model's name.
        channel: its name.

    Raises:
        ReleaseError: an entry is missing or is not one.
    """
    pointer = see(store, model, channel).pointer
    if pointer is None:
        return
    yield pointer
    for generation in range(pointer.generation - 1, 0, -1):
        yield entry(store, model, channel, generation)


def entry(store: Readable, model: str, channel: str, generation: int) -> Pointer:
    """Return a move that is not the last one any more.

    Args:
        store: that has the channel.
        model: the model's name.
        channel: its name.
        generation: of the move, from 1.

    Raises:
        ReleaseError: it is missing or is not one.
    """
    key = audit_key(model, channel, generation)
    try:
        found = decode(store.get(key).content, Pointer, f"{store.url}/{key}")
    except NotFound:
        raise ReleaseError(
            f"Expected {key} in {store.url}, a move of the channel {channel}. Received: no such object. "
            f"Somebody has removed it: restore it from a backup of the store."
        ) from None
    if found.generation != generation:
        raise ReleaseError(
            f"Expected {key} in {store.url} to be of generation {generation}. Received: {found.generation}. "
            f"Somebody has changed it: restore it from a backup of the store."
        )
    return found


def _next(seen: Seen, kind: Literal["promote", "rollback"], version: int, sha256: str, why: Why) -> Pointer:
    last = seen.pointer
    return Pointer(
        version=version,
        manifest_sha256=sha256,
        generation=last.generation + 1 if last else 1,
        nonce=secrets.token_hex(16),
        kind=kind,
        moved_at=now(),
        moved_by=why.by,
        reason=why.reason,
        previous=last.version if last else None,
        fallback=last.generation if last else None,
    )


def _swap(store: Store, model: str, channel: str, seen: Seen, pointer: Pointer) -> Pointer:
    check_name("a channel", channel)
    if seen.pointer:
        _keep(store, model, channel, seen.pointer)
    _expect_nothing_later(store, model, channel, seen, pointer.generation)
    with lease(store, model, pointer.version):  # so that it is not removed meanwhile
        try:
            store.compare_and_swap(channel_key(model, channel), encode(pointer), seen.tag)
        except (Conflict, StoreUnavailable):
            if not _happened(store, model, channel, pointer):
                raise
    with contextlib.suppress(StoreError):  # the next who moves writes it
        _keep(store, model, channel, pointer)
    return pointer


def _keep(store: Store, model: str, channel: str, pointer: Pointer) -> None:
    """Copy a move that has happened to the trail."""
    key = audit_key(model, channel, pointer.generation)
    try:
        store.put_if_absent(key, encode(pointer))
    except Conflict:
        raise ReleaseError(
            f"Expected {key} in {store.url} to be the move that the channel {channel} has. Received: another one. "
            f"The channel or its trail was changed outside of slimline: restore one of them from a backup."
        ) from None


def _expect_nothing_later(store: Store, model: str, channel: str, seen: Seen, generation: int) -> None:
    """Refuse to move a channel that was set back, or whose trail would have two moves of one generation."""
    try:
        store.get(audit_key(model, channel, generation))
    except NotFound:
        return
    if see(store, model, channel) != seen:
        raise Conflict(f"Expected the channel {channel} of {model} as it was. Received: somebody else's move.")
    raise ReleaseError(
        f"Expected the channel {channel} of {model} in {store.url} to be at its last move. Received: generation "
        f"{generation - 1}, while its trail knows a later one. The channel was set back outside of slimline: restore "
        f"models/{model}/channels/{channel}.json from the last entry of models/{model}/audit/{channel}."
    )


def _happened(store: Store, model: str, channel: str, pointer: Pointer) -> bool:
    """Return whether a move whose answer was lost has happened: it is the last one, or the next has it on the trail."""
    if see(store, model, channel).pointer == pointer:
        return True
    try:
        return entry(store, model, channel, pointer.generation) == pointer
    except ReleaseError:
        return False
