"""The device's side: takes nothing in that was not verified, and keeps what it has until the new is whole.

::

    DIR/current          → the version in use (a symbolic link, swapped atomically)
    DIR/<version>/       model.tflite, labels.json, signature.json, …, manifest.dsse.json
    DIR/channel.json     what was last taken, so that an older state of the channel is never taken again
"""

import secrets
import shutil
from pathlib import Path

from zstandard import ZstdDecompressor, ZstdError

from tasks.deployment.records import MANIFEST, MODEL, PACKED, File, Manifest, Pointer
from tasks.deployment.registry import Sealed, current, decode, open_manifest, read_manifest, release_key
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust import Trust
from tasks.errors import NotFound, ReleaseError
from tasks.files import CHUNK, Record, sha256, sync, write_bytes, write_record
from tasks.locking import locked

TAKEN = "channel.json"
CURRENT = "current"
PARTIAL = ".partial-"
WINDOW = 1 << 27  # bytes; what unpacking may hold in memory


class Fetched(Record):
    """What a device now has."""

    version: int
    changed: bool  # whether it is another one than before
    path: Path  # the folder of this version


class Taken(Record):
    """What was last taken, and where from."""

    store: str
    model: str
    channel: str
    pointer: Pointer


def fetch(store_url: str, model: str, channel: str, to: Path, trust: Trust) -> Fetched:
    """Bring ``to`` to the release that a channel points to.

    Whatever goes wrong, the release that ``to/current`` names stays in use.

    Raises:
        Untrusted: nobody trusted has signed the release.
        ReleaseError: there is no release, it is not what its manifest says, or the channel has gone back.
        StoreError: the store cannot be read.
    """
    store = open_store(store_url)
    try:
        with locked(to / ".lock"):
            for left in to.glob(f"{PARTIAL}*"):  # by a fetch that was killed
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            pointer = current(store, model, channel)
            if pointer is None:
                raise ReleaseError(
                    f"Expected a release of {model} in the channel {channel} of {store.url}. Received: none. "
                    f"`slimline releases` lists what there is."
                )
            return _take(store, Taken(store=store.url, model=model, channel=channel, pointer=pointer), to, trust)
    except OSError as error:
        raise ReleaseError(
            f"Expected a folder {to} that can be written. Received: {error}. Check its rights and the disk's space."
        ) from error


def _take(store: Store, wanted: Taken, to: Path, trust: Trust) -> Fetched:
    _refuse_to_go_back(wanted, to)
    version, folder, link = wanted.pointer.version, to / str(wanted.pointer.version), to / CURRENT
    changed = not link.is_symlink() or str(link.readlink()) != str(version)
    if not _holds(folder, wanted.pointer.manifest_sha256, trust):
        changed = True
        partial = to / f"{PARTIAL}{secrets.token_hex(8)}"
        try:
            download(store, wanted.model, wanted.pointer, partial, trust)
            _settle(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    if changed:
        fresh = to / f"{PARTIAL}{CURRENT}"
        fresh.symlink_to(str(version))
        fresh.replace(link)
        sync(to)
    write_record(to / TAKEN, wanted)
    return Fetched(version=version, changed=changed, path=folder)


def _refuse_to_go_back(wanted: Taken, to: Path) -> None:
    if not (to / TAKEN).exists():
        return
    last = decode((to / TAKEN).read_bytes(), Taken, str(to / TAKEN))
    if last.model != wanted.model:
        raise ReleaseError(
            f"Expected {to} to be the folder of {wanted.model}. Received: it holds {last.model}. "
            f"Name another folder: each model needs one of its own."
        )
    same_channel = (last.store, last.channel) == (wanted.store, wanted.channel)
    if same_channel and wanted.pointer.generation < last.pointer.generation:
        raise ReleaseError(
            f"Expected the channel {wanted.channel} to be at generation {last.pointer.generation} or later, "
            f"as it was before. Received: generation {wanted.pointer.generation}. The store was set back: "
            f"release {last.pointer.version} stays in use. To take the older state, remove {to / TAKEN}."
        )


def _holds(folder: Path, manifest_sha256: str, trust: Trust) -> bool:
    """Whether a folder has a whole release with this manifest."""
    try:
        return verify(folder, trust).sha256 == manifest_sha256
    except ReleaseError:
        return False


def _settle(partial: Path, folder: Path) -> None:
    """Move a whole release to its place; what lies there already is damaged and is mended file by file."""
    for path in (*partial.iterdir(), partial):
        sync(path)
    if not folder.exists():
        partial.rename(folder)
    else:
        for path in sorted(partial.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(folder / path.name)
        sync(folder)
    sync(folder.parent)


def download(store: Store, model: str, pointer: Pointer, folder: Path, trust: Trust) -> Manifest:
    """Get a release's files into ``folder``, each verified by size and SHA-256, the model unpacked.

    Raises:
        Untrusted: nobody trusted has signed the release.
        ReleaseError: a file is missing or not what the manifest says.
        StoreError: a file is larger than the manifest says, or cannot be read.
    """
    sealed = read_manifest(store, model, pointer.version, trust, pointer.manifest_sha256)
    manifest = sealed.manifest
    folder.mkdir(parents=True, exist_ok=True)
    for name, expected in manifest.files.items():
        try:
            store.read_to(release_key(model, pointer.version, name), folder / name, expected.bytes)
        except NotFound as error:
            raise ReleaseError(f"{error} The release is incomplete: publish again.") from None
        _check(folder / name, expected)
    unpack(folder / PACKED, folder / MODEL, manifest.unpacked)
    (folder / PACKED).unlink()
    write_bytes(folder / MANIFEST, sealed.envelope)
    return manifest


def unpack(packed: Path, target: Path, expected: File) -> None:
    """Decompress a model of a known size.

    Raises:
        ReleaseError: it is not zstd, larger than it should be, or another content.
    """
    size = 0
    try:
        with packed.open("rb") as source, target.open("wb") as file:
            reader = ZstdDecompressor(max_window_size=WINDOW).stream_reader(source)
            while size <= expected.bytes and (chunk := reader.read(CHUNK)):
                size += file.write(chunk)
    except ZstdError as error:
        raise ReleaseError(
            f"Expected {packed.name} to be zstd. Received: {error}. Do not use this release, publish again."
        ) from None
    _check(target, expected)


def verify(folder: Path, trust: Trust) -> Sealed:
    """Check a fetched release against its manifest.

    Raises:
        Untrusted: nobody trusted has signed the manifest.
        ReleaseError: there is none, or a file is not what the manifest says.
    """
    try:
        sealed = open_manifest((folder / MANIFEST).read_bytes(), trust, str(folder / MANIFEST))
        manifest = sealed.manifest
        expected = {name: file for name, file in manifest.files.items() if name != PACKED}
        for name, file in {**expected, MODEL: manifest.unpacked}.items():
            _check(folder / name, file)
    except FileNotFoundError as error:
        raise ReleaseError(
            f"Expected a fetched release in {folder}. Received: no {error.filename}. Run `slimline fetch` again."
        ) from None
    return sealed


def _check(path: Path, expected: File) -> None:
    size = path.stat().st_size
    received = f"{size:,} bytes" if size != expected.bytes else sha256(path)
    if received != expected.sha256:
        raise ReleaseError(
            f"Expected {path.name} to have {expected.bytes:,} bytes and the SHA-256 {expected.sha256}. "
            f"Received: {received}. It is damaged or was changed: fetch or publish it again."
        )
