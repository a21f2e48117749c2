"""Releases and channels as they lie in a store.

::

    models/<model>/releases/<version>/claim.json      who has taken the number
    models/<model>/releases/<version>/<file>          immutable content
    models/<model>/releases/<version>/manifest.dsse.json   signed and written last: from now on the release exists
    models/<model>/releases/<version>/retired-….json  it is being removed, or was: it does not exist any more
    models/<model>/channels/<channel>.json            which release the channel points to, see channels.py

Whoever may write to a store may put anything there: an object of a newer slimline or of somebody else, a damaged one,
in a folder a link or a pipe. What is not understood is named and never passed over in silence: a list shows it beside
the others, and no removal begins while there is any, since it may speak for what would go.
"""

import contextlib
import hashlib
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Generic, TypeVar

from pydantic import ValidationError

from tasks.deployment.records import MANIFEST, PACKED, Claim, Manifest, Pointer, Release
from tasks.deployment.stores.protocol import SMALL, Readable, Store
from tasks.deployment.trust.signing import unseal
from tasks.deployment.trust.trusted import ANYBODY, Trust
from tasks.errors import Conflict, NotFound, ReleaseError, StoreError, StoreUnavailable
from tasks.files import to_json
from tasks.records import Record
from tasks.text import visible

R = TypeVar("R", bound=Record)
SUFFIX = ".json"  # of records
SHOWN = 200  # characters of what is wrong with a record
NUMBER = re.compile(r"[1-9][0-9]{0,14}")  # of a release: a folder of any other name is none


@dataclass(frozen=True)
class Seen:
    """A channel as somebody saw it: where it points to and the tag under which it may be moved."""

    pointer: Pointer | None
    tag: str | None


@dataclass(frozen=True)
class Odd:
    """An object that is not what belongs at its place, and why."""

    key: str
    why: str

    def __str__(self) -> str:
        """Show it on one line."""
        return visible(f"{self.key}: {self.why}")


@dataclass(frozen=True)
class Found(Generic[R]):
    """Records by their names below a folder, without the suffix, and what else lies there."""

    records: dict[str, R]
    odd: tuple[Odd, ...]


@dataclass(frozen=True)
class Sealed:
    """A manifest, the SHA-256 of its bytes, the envelope as it is stored and the trusted keys that vouch for it."""

    manifest: Manifest
    sha256: str
    envelope: bytes
    signed_by: tuple[str, ...]


def releases_folder(model: str) -> str:
    """Return the key under which all releases of a model lie.

    Args:
        model: its name.
    """
    return f"models/{model}/releases"


def release_key(model: str, version: int, file: str) -> str:
    """Return where a release's file is.

    Args:
        model: its name.
        version: number of the release.
        file: its name.
    """
    return f"{releases_folder(model)}/{version}/{file}"


def channels_folder(model: str) -> str:
    """Return the key under which all channels of a model lie.

    Args:
        model: its name.
    """
    return f"models/{model}/channels"


def channel_key(model: str, channel: str) -> str:
    """Return where a channel's pointer is.

    Args:
        model: its name.
        channel: its name.
    """
    return f"{channels_folder(model)}/{channel}.json"


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def encode(record: Record) -> bytes:
    """Return a record as it is stored.

    Args:
        record: any.

    Raises:
        ReleaseError: it is larger than readers take.
    """
    content = to_json(record.model_dump(mode="json")).encode()
    if len(content) > SMALL:
        raise ReleaseError(
            f"Expected a {type(record).__name__} of at most {SMALL:,} bytes, which is what readers take. "
            f"Received: {len(content):,}. Nothing was written."
        )
    return content


def decode(content: bytes, kind: type[R], origin: str) -> R:
    """Return a record as it was stored.

    Args:
        content: its bytes.
        kind: of record.
        origin: of the bytes, for a person.

    Raises:
        ReleaseError: it is not one.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise ReleaseError(
            f"Expected {origin} to be a {kind.__name__} that this version of slimline reads. Received: "
            f"{_first_problem(error)}. If a newer slimline has written it, update this one."
        ) from None


def _first_problem(error: ValidationError) -> str:
    """A problem of a record in few words: there may be as many as somebody likes."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    key = ".".join(map(str, first["loc"]))[:SHOWN]
    more = f", and {len(others):,} more problems" if others else ""
    return f"{f'{key}: ' if key else ''}{first['msg'][:SHOWN]}{more}"


def see(store: Readable, model: str, channel: str) -> Seen:
    """Return a channel as it is now.

    Args:
        store: of the releases.
        model: its name.
        channel: its name.

    Raises:
        ReleaseError: what lies there is no channel.
        StoreError: the store cannot be read.
    """
    key = channel_key(model, channel)
    try:
        found = store.get(key)
    except NotFound:
        return Seen(None, None)
    return Seen(decode(found.content, Pointer, f"{store.url}/{key}"), found.tag)


def current(store: Readable, model: str, channel: str) -> Pointer | None:
    """Return where a channel points to, None where it was never moved.

    Args:
        store: of the releases.
        model: its name.
        channel: its name.

    Raises:
        ReleaseError: what lies there is no channel.
        StoreError: the store cannot be read.
    """
    return see(store, model, channel).pointer


def digest_of(manifest: Manifest) -> str:
    """Return the SHA-256 of a manifest's bytes, by which channels name it.

    Args:
        manifest: of a release.
    """
    return hashlib.sha256(encode(manifest)).hexdigest()


def open_manifest(envelope: bytes, trust: Trust, origin: str) -> Sealed:
    """Return the manifest in an envelope.

    Args:
        envelope: its bytes.
        trust: who may have signed it.
        origin: of the bytes, for a person.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: it is no manifest.
    """
    opened = unseal(envelope, trust, origin)
    digest = hashlib.sha256(opened.payload).hexdigest()
    return Sealed(decode(opened.payload, Manifest, origin), digest, envelope, opened.signed_by)


def read_manifest(store: Readable, model: str, version: int, trust: Trust, sha256: str | None = None) -> Sealed:
    """Return a release's manifest.

    Args:
        store: of the releases.
        model: its name.
        version: number of the release.
        trust: who may have signed it.
        sha256: what its bytes must be, where the channel says it.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: there is no such release, or the manifest is not what was expected.
        StoreError: the store cannot be read.
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


def expect_about(manifest: Manifest, model: str, version: int, origin: str) -> None:
    """Refuse a manifest, however well it is signed, that lies where another release's belongs.

    Args:
        manifest: that was read.
        model: that it should be about.
        version: that it should be about.
        origin: of the manifest, for a person.

    Raises:
        ReleaseError: it is about another model or version.
    """
    if (manifest.model, manifest.version) != (model, version):
        raise ReleaseError(
            f"Expected {origin} to be about {model} {version}. "
            f"Received: {manifest.model} {manifest.version}. Do not use it, publish again."
        )


def find(store: Store, folder: str, kind: type[R], fits: Callable[[str, R], bool] | None = None) -> Found[R]:
    """Return everything below a folder, whatever its name is: the records, and what is odd.

    Args:
        store: of the releases.
        folder: key of the folder.
        kind: what belongs there.
        fits: tells whether a record belongs under its name.

    Raises:
        StoreError: the store cannot be listed, or does not answer.
    """
    records, odd = dict[str, R](), []
    for entry in list(store.list(folder)):
        name = entry.key.removeprefix(f"{folder}/")
        if not name.endswith(SUFFIX):
            odd.append(Odd(entry.key, f"Expected a name that ends with {SUFFIX}. Received: another one."))
            continue
        name = name.removesuffix(SUFFIX)
        try:
            record = decode(store.get(entry.key).content, kind, "it")
            if fits is None or fits(name, record):
                records[name] = record
            else:
                odd.append(Odd(entry.key, "Expected it to be about the release in its name. Received: another one."))
        except NotFound:
            if any(left.key == entry.key for left in store.list(folder)):  # else it has just gone
                odd.append(Odd(entry.key, "Expected an object. Received: none, although it is listed."))
        except StoreUnavailable:
            raise
        except (StoreError, ReleaseError) as error:
            odd.append(Odd(entry.key, str(error)))
    return Found(records, tuple(odd))


def find_channels(store: Store, model: str) -> Found[Pointer]:
    """Return all channels of a model and their last moves, also those with names that nobody could give today.

    Args:
        store: of the releases.
        model: its name.
    """
    return find(store, channels_folder(model), Pointer)


def channels(store: Store, model: str) -> Iterator[tuple[str, Pointer]]:
    """Yield all channels of a model and their last moves; what is no channel is in :func:`find_channels`.

    Args:
        store: of the releases.
        model: its name.
    """
    yield from find_channels(store, model).records.items()


def find_releases(store: Store, model: str) -> tuple[list[Release], tuple[Odd, ...]]:
    """Return all releases of a model, whoever signed them, the newest first, and what is odd.

    Args:
        store: of the releases.
        model: its name.

    Returns:
        the releases; what is odd about them and about the model's channels.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    found = find_channels(store, model)
    pointing: dict[int, list[str]] = defaultdict(list)
    for channel, pointer in found.records.items():
        pointing[pointer.version].append(channel)
    listed, odd = [], list(found.odd)
    for version, files in sorted(versions(store, model).items(), reverse=True):
        if MANIFEST not in files or any(map(is_tombstone, files)):
            continue
        try:
            listed.append(summarize(read_manifest(store, model, version, ANYBODY), tuple(pointing[version])))
        except StoreUnavailable:
            raise
        except (StoreError, ReleaseError) as error:
            if MANIFEST in versions(store, model).get(version, {}):  # else it was removed meanwhile
                odd.append(Odd(release_key(model, version, MANIFEST), str(error)))
    return listed, tuple(odd)


def releases(store: Store, model: str) -> list[Release]:
    """Return all releases of a model, whoever signed them, the newest first; what is none is in :func:`find_releases`.

    Args:
        store: of the releases.
        model: its name.
    """
    return find_releases(store, model)[0]


def summarize(sealed: Sealed, channels: tuple[str, ...]) -> Release:
    """Return a release in short.

    Args:
        sealed: its manifest.
        channels: that point to it.
    """
    manifest = sealed.manifest
    return Release(
        model=manifest.model,
        version=manifest.version,
        created=manifest.created,
        recipe=manifest.recipe,
        stored_bytes=manifest.files[PACKED].bytes,
        loaded_bytes=manifest.unpacked.bytes,
        metrics=manifest.figures,
        channels=channels,
        manifest_sha256=sealed.sha256,
    )


@contextlib.contextmanager
def as_readers_take_it() -> Iterator[None]:
    """Refuse records that readers would refuse, made in the block before anything is written.

    Yields:
        nothing.

    Raises:
        ReleaseError: they would.
    """
    try:
        yield
    except ValidationError as error:
        raise ReleaseError(
            f"Expected a {error.title} that readers take. Received: {_first_problem(error)}. Nothing was released."
        ) from None


def claim(store: Store, model: str) -> int:
    """Return the next version number, taken: nobody else ever gets it, also where nothing comes of it.

    Args:
        store: of the releases.
        model: its name.

    Raises:
        StoreError: the store cannot be written.
    """
    content = encode(Claim(nonce=secrets.token_hex(16), claimed_at=now()))
    for version in count(max(versions(store, model), default=0) + 1):
        try:
            store.put_if_absent(release_key(model, version, "claim.json"), content)
        except Conflict:
            continue
        return version
    raise AssertionError  # unreachable: numbers do not end


def versions(store: Store, model: str) -> dict[int, dict[str, int]]:
    """Return each version's files and their bytes, whatever has become of it; what else lies there does not count.

    Args:
        store: of the releases.
        model: its name.
    """
    found: dict[int, dict[str, int]] = defaultdict(dict)
    folder = f"{releases_folder(model)}/"
    for entry in store.list(releases_folder(model)):
        number, _, name = entry.key.removeprefix(folder).partition("/")
        if NUMBER.fullmatch(number) and name:
            found[int(number)][name] = entry.bytes
    return dict(found)


def is_tombstone(name: str) -> bool:
    """Return whether a file says that its release is being removed, see :mod:`tasks.deployment.releases.leases`.

    Args:
        name: of the file, or its key.
    """
    return name.rpartition("/")[2].startswith("retired-")
