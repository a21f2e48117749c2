"""Releases and channels as they lie in a store.

::

    models/<model>/releases/<version>/claim.json      who has taken the number
    models/<model>/releases/<version>/<file>          immutable content
    models/<model>/releases/<version>/manifest.dsse.json   signed and written last: from now on the release exists
    models/<model>/releases/<version>/retired-….json  it is being removed, or was: it does not exist any more
    models/<model>/channels/<channel>.json            which release the channel points to, see channels.py
"""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TypeVar

from pydantic import ValidationError

from tasks.deployment.records import MANIFEST, PACKED, Claim, Manifest, Pointer, Release
from tasks.deployment.signing import unseal
from tasks.deployment.stores.protocol import Readable, Store
from tasks.deployment.trust import ANYBODY, Trust
from tasks.errors import Conflict, NotFound, ReleaseError
from tasks.files import to_json
from tasks.records import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Seen:
    """A channel as somebody saw it: where it points to and the tag under which it may be moved."""

    pointer: Pointer | None
    tag: str | None


@dataclass(frozen=True)
class Sealed:
    """A manifest, the SHA-256 of its bytes, the envelope as it is stored and the trusted keys that vouch for it."""

    manifest: Manifest
    sha256: str
    envelope: bytes
    signed_by: tuple[str, ...]


def releases_folder(model: str) -> str:
    """Under which key all releases of a model are."""
    return f"models/{model}/releases"


def release_key(model: str, version: int, file: str) -> str:
    """Where a release's file is."""
    return f"{releases_folder(model)}/{version}/{file}"


def channels_folder(model: str) -> str:
    """Under which key all channels of a model are."""
    return f"models/{model}/channels"


def channel_key(model: str, channel: str) -> str:
    """Where a channel's pointer is."""
    return f"{channels_folder(model)}/{channel}.json"


def now() -> str:
    """The time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def encode(record: Record) -> bytes:
    """A record as it is stored."""
    return to_json(record.model_dump(mode="json")).encode()


def decode(content: bytes, kind: type[R], place: str) -> R:
    """A record as it was stored.

    Raises:
        ReleaseError: it is not one.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ReleaseError(
            f"Expected {place} to be a {kind.__name__} that this version of slimline reads. Received: {error}. "
            f"If a newer slimline has written it, update this one."
        ) from None


def see(store: Readable, model: str, channel: str) -> Seen:
    """A channel as it is now."""
    key = channel_key(model, channel)
    try:
        found = store.get(key)
    except NotFound:
        return Seen(None, None)
    return Seen(decode(found.content, Pointer, f"{store.url}/{key}"), found.tag)


def current(store: Readable, model: str, channel: str) -> Pointer | None:
    """Where a channel points to, None where it was never moved."""
    return see(store, model, channel).pointer


def open_manifest(envelope: bytes, trust: Trust, place: str) -> Sealed:
    """The manifest in an envelope.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: it is no manifest.
    """
    opened = unseal(envelope, trust, place)
    digest = hashlib.sha256(opened.payload).hexdigest()
    return Sealed(decode(opened.payload, Manifest, place), digest, envelope, opened.signed_by)


def read_manifest(store: Readable, model: str, version: int, trust: Trust, sha256: str | None = None) -> Sealed:
    """A release's manifest.

    Args:
        trust: who may have signed it.
        sha256: what its bytes must be, where the channel says it.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: there is no such release, or the manifest is not what was expected.
    """
    key = release_key(model, version, MANIFEST)
    try:
        content = store.get(key).content
    except NotFound:
        raise ReleaseError(
            f"Expected release {version} of {model} in {store.url}. Received: no such release. "
            f"`slimline releases` lists all."
        ) from None
    sealed = open_manifest(content, trust, f"{store.url}/{key}")
    manifest = sealed.manifest
    if sha256 not in (None, sealed.sha256):
        raise ReleaseError(
            f"Expected {key} in {store.url} to have a manifest with the SHA-256 {sha256}, as its channel says. "
            f"Received: {sealed.sha256}. It was changed after its release: do not use it, publish again."
        )
    expect_about(manifest, model, version, f"{key} in {store.url}")
    return sealed


def expect_about(manifest: Manifest, model: str, version: int, place: str) -> None:
    """Refuse a manifest, however well it is signed, that lies where another release's belongs.

    Raises:
        ReleaseError: it is about another model or version.
    """
    if (manifest.model, manifest.version) != (model, version):
        raise ReleaseError(
            f"Expected {place} to be about {model} {version}. "
            f"Received: {manifest.model} {manifest.version}. Do not use it, publish again."
        )


def releases(store: Store, model: str) -> list[Release]:
    """All releases of a model, whoever signed them, the newest first."""
    pointing: dict[int, list[str]] = defaultdict(list)
    for channel, pointer in channels(store, model):
        pointing[pointer.version].append(channel)
    listed = []
    for version, files in sorted(versions(store, model).items(), reverse=True):
        if MANIFEST not in files or any(map(is_mark, files)):
            continue
        try:
            sealed = read_manifest(store, model, version, ANYBODY)
        except ReleaseError:
            if MANIFEST in versions(store, model).get(version, {}):
                raise
            continue  # removed meanwhile
        listed.append(describe(sealed, tuple(pointing[version])))
    return listed


def describe(sealed: Sealed, channels: tuple[str, ...]) -> Release:
    """A release in short."""
    manifest = sealed.manifest
    return Release(
        model=manifest.model,
        version=manifest.version,
        created=manifest.created,
        recipe=manifest.recipe,
        stored_bytes=manifest.files[PACKED].bytes,
        loaded_bytes=manifest.unpacked.bytes,
        accuracy=manifest.accuracy,
        channels=channels,
        manifest_sha256=sealed.sha256,
    )


def claim(store: Store, model: str) -> int:
    """Take the next version number; nobody else ever gets it, also where nothing comes of it."""
    content = encode(Claim(nonce=secrets.token_hex(16), claimed_at=now()))
    for version in count(max(versions(store, model), default=0) + 1):
        try:
            store.put_if_absent(release_key(model, version, "claim.json"), content)
        except Conflict:
            continue
        return version
    raise AssertionError  # unreachable: numbers do not end


def channels(store: Store, model: str) -> Iterator[tuple[str, Pointer]]:
    """All channels of a model and their last moves."""
    for entry in store.list(channels_folder(model)):
        channel, suffix, rest = entry.key.rpartition("/")[2].rpartition(".json")
        if suffix and not rest and (pointer := current(store, model, channel)):
            yield channel, pointer


def versions(store: Store, model: str) -> dict[int, dict[str, int]]:
    """The files of each version and their bytes, whatever has become of it; what else lies there does not count."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    folder = f"{releases_folder(model)}/"
    for entry in store.list(releases_folder(model)):
        number, _, name = entry.key.removeprefix(folder).partition("/")
        if number.isdecimal() and name:
            found[int(number)][name] = entry.bytes
    return dict(found)


def is_mark(name: str) -> bool:
    """Whether a file says that its release is being removed, see :mod:`tasks.deployment.holds`."""
    return name.rpartition("/")[2].startswith("retired-")
