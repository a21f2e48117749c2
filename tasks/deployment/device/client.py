"""The device's side: takes nothing in that was not verified, and keeps what it has until the new is whole.

::

    DIR/current          → the release in use (a symbolic link, swapped atomically)
    DIR/<version>/       model.tflite, labels.json, signature.json, …, manifest.dsse.json
    DIR/channel.json     what was last taken, so that an older state of the channel is never taken again

Nothing in a release's folder is ever changed: a damaged copy is replaced by a folder of another name. Who reads several
files resolves ``current`` once and reads all of them there.

What the client did not make it does not remove: a release's folder is one with a manifest, whatever else has a number
for a name, and a folder with other things and no release is not taken for a device's.

It needs neither TensorFlow nor Prefect nor DVC, and boto3 only for a store at ``s3://``.
"""

import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from tasks.deployment.device.downloading import download, verify
from tasks.deployment.records import APPROVERS, MANIFEST, Pointer
from tasks.deployment.registry import channel_key, decode, read_approvers, read_manifest
from tasks.deployment.stores.opening import open_reader
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ConfigError, NotFound, ReleaseError
from tasks.files import sync, write_bytes
from tasks.locking import locked
from tasks.records import Record, write_record

TAKEN = "channel.json"
CURRENT = "current"
PARTIAL = ".partial-"
LOCK = ".lock"
LOST_AND_FOUND = "lost+found"  # in the root of a file system, which a device may have for its releases
FOLDER = re.compile(r"[1-9][0-9]*(-[0-9a-f]{8})?")  # of a release: its version, and what tells two copies apart
BEGUN = re.compile(rf"{re.escape(PARTIAL)}([0-9a-f]{{16}}|{CURRENT})")  # what a fetch that was killed leaves …
WRITING = re.compile(rf"\.{re.escape(TAKEN)}\..*")  # … and what is to become channel.json


class Fetched(Record):
    """The release that a device now has.

    ``version`` is the release's number, ``changed`` whether it is another one than before, ``path`` the folder of it.
    """

    version: int
    changed: bool
    path: Path


class Taken(Record):
    """The release that was last taken, and where from.

    ``tag`` is the channel's in that store, for asking only for what has changed. ``used`` are the folders that were in
    use, the latest first.
    """

    store: str
    model: str
    channel: str
    pointer: Pointer
    tag: str = ""
    used: tuple[str, ...] = ()


def fetch(store_url: str, model: str, channel: str, to: str | Path, trust: Trust, keep: int = 1) -> Fetched:
    """Bring ``to`` to the release that a channel points to.

    Whatever goes wrong, the release that ``to/current`` names stays in use. A channel that went back is not followed.

    Args:
        store_url: ``https://…``, ``http://…``, ``s3://…`` or ``file://…``.
        model: the model's name in the store.
        channel: the channel to follow, as ``production``.
        to: a folder for this model alone: a new one, an empty one or one that was fetched into before.
        trust: who may have signed the release.
        keep: how many releases that were in use before are kept beside the one in use.

    Returns:
        the release that is in use now, and whether it is another one than before.

    Raises:
        NotInstalled: the address begins with ``s3://`` and boto3 is not there; ``slimline[s3]`` has it.
        ConfigError: the address is not one, ``keep`` is below 0, or ``to`` has other things in it and no release.
        Untrusted: nobody trusted has signed the release, or too few approvers.
        ReleaseError: there is no release, it is not what its manifest says, or the channel has gone back.
        StoreError: the store cannot be read.
    """
    if keep < 0:
        raise ConfigError(f"Expected a number of releases to keep, 0 or more. Received: {keep}.")
    store, to = open_reader(store_url), Path(to)
    try:
        _refuse_what_is_not_ours(to)
        with locked(to / LOCK):
            _sweep(to)
            last = _last(to, model)
            wanted = _ask(store, model, channel, last)
            _refuse_to_go_back(wanted, last, to)
            fetched = _take(store, wanted, to, trust)
            _prune(to, fetched, trust, wanted.used, keep)
            return fetched
    except OSError as error:
        raise ReleaseError(
            f"Expected a folder {to} that can be written. Received: {error}. Check its rights and the disk's space."
        ) from error


def release_folder(folder: Path) -> Path:
    """Return the folder of the release in use.

    Args:
        folder: that was fetched into; any other is given back as it is.
    """
    return (folder / CURRENT if (folder / CURRENT).exists() else folder).resolve()


def _refuse_what_is_not_ours(to: Path) -> None:
    """Refuse a folder of something else, before anything is written; what a killed first fetch has left is ours."""
    if not to.exists() or (to / TAKEN).exists():
        return
    entries = sorted(to.iterdir())
    others = [entry.name for entry in entries if not _is_our_own(entry)]
    if others and not any(map(_is_release, entries)):
        raise ConfigError(
            f"Expected {to} to be a new or empty folder, or one that was fetched into before. "
            f"Received: one with {', '.join(others[:3])}{', …' if len(others) > 3 else ''} and no release in it. "
            f"Name a folder for this model alone."
        )


def _is_our_own(path: Path) -> bool:
    """Return whether a fetch makes such a thing beside its releases; by its name where another fetch may end it."""
    if path.name == CURRENT:
        return path.is_symlink() and bool(FOLDER.fullmatch(str(path.readlink())))
    return path.name in {LOCK, LOST_AND_FOUND} or bool(BEGUN.fullmatch(path.name) or WRITING.fullmatch(path.name))


def _sweep(to: Path) -> None:
    """Remove what a fetch that was killed has left."""
    for left in to.iterdir():
        if not BEGUN.fullmatch(left.name):
            continue
        if left.is_symlink():
            left.unlink()
        elif left.is_dir():
            shutil.rmtree(left)


def _last(to: Path, model: str) -> Taken | None:
    """Return what was last taken into this folder."""
    if not (to / TAKEN).exists():
        return None
    last = decode((to / TAKEN).read_bytes(), Taken, str(to / TAKEN))
    if last.model != model:
        raise ReleaseError(
            f"Expected {to} to be the folder of {model}. Received: it holds {last.model}. "
            f"Name another folder: each model needs one of its own."
        )
    return last


def _ask(store: Readable, model: str, channel: str, last: Taken | None) -> Taken:
    """Return what the channel points to now; an answer that nothing has changed is all that travels then."""
    key = channel_key(model, channel)
    used = last.used if last else ()
    try:
        if last and last.tag and (last.store, last.channel) == (store.url, channel):
            found = store.get_if_changed(key, last.tag)
            if found is None:
                return last
        else:
            found = store.get(key)
    except NotFound:
        raise ReleaseError(
            f"Expected a release of {model} in the channel {channel} of {store.url}. Received: none. "
            f"`slimline releases` lists what there is."
        ) from None
    pointer = decode(found.content, Pointer, f"{store.url}/{key}")
    return Taken(store=store.url, model=model, channel=channel, pointer=pointer, tag=found.tag, used=used)


def _refuse_to_go_back(wanted: Taken, last: Taken | None, to: Path) -> None:
    """A channel's generation only grows, in whatever copy of the store it is read, and each has one nonce."""
    if last is None or last.channel != wanted.channel:
        return
    now, before = wanted.pointer, last.pointer
    if now.generation > before.generation or (now.generation, now.nonce) == (before.generation, before.nonce):
        return
    raise ReleaseError(
        f"Expected the channel {wanted.channel} to be at generation {before.generation}, as it was before, or later. "
        f"Received: {'another ' if now.generation == before.generation else ''}generation {now.generation}. "
        f"The store was set back: release {before.version} stays in use. "
        f"To take the older state, remove {to / TAKEN}."
    )


def _take(store: Readable, wanted: Taken, to: Path, trust: Trust) -> Fetched:
    """Put the release in place: what is here and whole is not downloaded again."""
    link, pointer = to / CURRENT, wanted.pointer
    before = str(link.readlink()) if link.is_symlink() else None
    folder = _find(to, before, pointer, trust) or _bring(store, wanted, to, trust)
    used = (folder.name, *(name for name in wanted.used if name != folder.name and (to / name).is_dir()))
    # first what is known of the channel, so that even if this ends here nothing older is taken the next time
    write_record(to / TAKEN, wanted.model_copy(update={"used": used}))
    if folder.name != before:
        fresh = to / f"{PARTIAL}{CURRENT}"
        fresh.symlink_to(folder.name)
        fresh.replace(link)
        sync(to)
    return Fetched(version=pointer.version, changed=folder.name != before, path=folder)


def _find(to: Path, first: str | None, pointer: Pointer, trust: Trust) -> Path | None:
    """A folder that has the whole release already, the one in use if it has."""
    for folder in sorted(_copies(to, pointer.version), key=lambda folder: folder.name != first):
        try:
            if verify(folder, trust).sha256 == pointer.manifest_sha256:
                return folder
        except ReleaseError:
            continue
    return None


def _copies(to: Path, version: int) -> list[Path]:
    return [folder for folder in _folders(to) if int(folder.name.partition("-")[0]) == version]


def _folders(to: Path) -> list[Path]:
    return [path for path in to.iterdir() if _is_release(path)]


def _is_release(path: Path) -> bool:
    """Return whether it is a folder that a release was fetched to, whole or damaged."""
    try:
        return bool(FOLDER.fullmatch(path.name)) and not path.is_symlink() and (path / MANIFEST).is_file()
    except OSError:
        return False  # nobody can look into it: so it is not used, and not removed


def _bring(store: Readable, wanted: Taken, to: Path, trust: Trust) -> Path:
    """Download a release and move it to a place of its own, whole."""
    pointer = wanted.pointer
    sealed = read_manifest(store, wanted.model, pointer.version, trust, pointer.manifest_sha256)
    approved = read_approvers(store, sealed, trust)
    partial = to / f"{PARTIAL}{secrets.token_hex(8)}"
    folder = to / str(pointer.version)
    if folder.exists():
        folder = to / f"{pointer.version}-{secrets.token_hex(4)}"
    try:
        download(store, sealed, partial)
        if approved is not None:
            write_bytes(partial / APPROVERS, approved)
        for path in (*partial.iterdir(), partial):
            sync(path)
        partial.rename(folder)
        sync(to)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _prune(to: Path, fetched: Fetched, trust: Trust, used: Sequence[str], keep: int) -> None:
    """Remove releases that are no longer needed: what is not in use and was not lately, damaged ones first of all."""
    others = [folder for folder in _folders(to) if folder != fetched.path]
    if len(others) <= keep:
        return
    order = {name: rank for rank, name in enumerate(used)}
    others.sort(key=lambda folder: (not _is_whole(folder, trust), order.get(folder.name, len(order)), folder.name))
    for folder in others[keep:]:
        gone = to / f"{PARTIAL}{secrets.token_hex(8)}"
        folder.rename(gone)  # at once, so that no half of a release has a release's name
        shutil.rmtree(gone)


def _is_whole(folder: Path, trust: Trust) -> bool:
    try:
        verify(folder, trust)
    except ReleaseError:
        return False
    return True
