"""Lists of what lies in a store: channels, releases, versions, and what is odd among them."""

import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic

from tasks.deployment.records import MANIFEST, PACKED, Claim, Pointer, Release
from tasks.deployment.registry.encoding import decode, encode, now
from tasks.deployment.registry.keys import channel_key, channels_folder, is_tombstone, release_key, releases_folder
from tasks.deployment.registry.manifests import Sealed, read_manifest
from tasks.deployment.stores.protocol import Readable, Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import Conflict, NotFound, ReleaseError, StoreError, StoreUnavailable
from tasks.records import AnyRecord
from tasks.text import visible

SUFFIX = ".json"  # of records
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
class Found(Generic[AnyRecord]):
    """Records by their names below a folder, without the suffix, and what else lies there."""

    records: dict[str, AnyRecord]
    odd: tuple[Odd, ...]


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


def find(
    store: Store, folder: str, kind: type[AnyRecord], fits: Callable[[str, AnyRecord], bool] | None = None
) -> Found[AnyRecord]:
    """Return everything below a folder, whatever its name is: the records, and what is odd.

    Args:
        store: of the releases.
        folder: key of the folder.
        kind: what belongs there.
        fits: tells whether a record belongs under its name.

    Raises:
        StoreError: the store cannot be listed, or does not answer.
    """
    records, odd = dict[str, AnyRecord](), []
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
        stored_bytes=sum(manifest.files[name].bytes for name in (PACKED, *manifest.assets)),
        loaded_bytes=manifest.unpacked.bytes,
        metrics=manifest.figures,
        channels=channels,
        manifest_sha256=sealed.sha256,
        inconclusive=manifest.inconclusive,
    )


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
