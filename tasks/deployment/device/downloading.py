"""A release's files on their way from a store to a folder: each one is verified before it counts."""

import shutil
from pathlib import Path

from tasks.deployment.records import APPROVERS, MANIFEST, MODEL, PACKED, File, Manifest
from tasks.deployment.registry import Sealed, open_manifest, release_key, statement_about
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.statements import expect_signers
from tasks.deployment.trust.trusted import Trust
from tasks.errors import NotFound, PackingError, ReleaseError
from tasks.files import sha256, write_bytes
from tasks.packing.container import unpack_file


def download(store: Readable, sealed: Sealed, folder: Path) -> None:
    """Get a release's files into ``folder``, each verified by size and SHA-256, the model unpacked; the manifest last.

    Args:
        store: of the releases.
        sealed: the release's manifest, verified.
        folder: a new one.

    Raises:
        ReleaseError: a file is missing or not what the manifest says, or the disk is too full for it.
        StoreError: a file is larger than the manifest says, or cannot be read.
    """
    manifest = sealed.manifest
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(manifest, folder)
    for name, expected in manifest.files.items():
        try:
            store.read_to(release_key(manifest.model, manifest.version, name), folder / name, expected.bytes)
        except NotFound as error:
            raise ReleaseError(f"{error} The release is incomplete: publish again.") from None
        check(folder / name, expected)
    unpack(folder / PACKED, folder / MODEL, manifest.unpacked)
    (folder / PACKED).unlink()
    write_bytes(folder / MANIFEST, sealed.envelope)


def _check_space(manifest: Manifest, folder: Path) -> None:
    needed = sum(file.bytes for file in manifest.files.values()) + manifest.unpacked.bytes
    if (free := shutil.disk_usage(folder).free) < needed:
        raise ReleaseError(
            f"Expected {needed:,} bytes of free space for release {manifest.version} of {manifest.model} in "
            f"{folder.parent}. Received: {free:,}. Make room, or keep fewer old releases there."
        )


def unpack(packed: Path, target: Path, expected: File) -> None:
    """Turn a stored model of a known size back into the ``.tflite``.

    Args:
        packed: the file as it is stored.
        target: of the ``.tflite``.
        expected: its size and SHA-256.

    Raises:
        ReleaseError: it cannot be unpacked, is larger than it should be, or another content.
    """
    try:
        unpack_file(packed, target, expected.bytes)
    except PackingError as error:
        raise ReleaseError(f"{packed.name}: {error} Do not use this release, publish again.") from None
    check(target, expected)


def verify(folder: Path, trust: Trust) -> Sealed:
    """Return the manifest of a fetched release, once all its files are as that says.

    Args:
        folder: of the release.
        trust: who may have signed it.

    Raises:
        Untrusted: nobody trusted has signed the manifest, or too few approvers.
        ReleaseError: there is none, or a file is not what the manifest says or cannot be read.
    """
    try:
        sealed = open_manifest((folder / MANIFEST).read_bytes(), trust, str(folder / MANIFEST))
        manifest = sealed.manifest
        expected = {name: file for name, file in manifest.files.items() if name != PACKED}
        for name, file in {**expected, MODEL: manifest.unpacked}.items():
            check(folder / name, file)
        if trust.approvers:
            signed = (folder / APPROVERS).read_bytes() if (folder / APPROVERS).exists() else None
            expect_signers(signed, statement_about(manifest, sealed.sha256), trust, str(folder / APPROVERS))
    except FileNotFoundError as error:
        raise ReleaseError(
            f"Expected a fetched release in {folder}. Received: no {error.filename}. Run `slimline fetch` again."
        ) from None
    except OSError as error:  # of a disk that gives nothing back, say
        raise ReleaseError(
            f"Expected a fetched release in {folder} that can be read. Received: {error}. The copy is damaged: "
            f"run `slimline fetch` again, it brings a fresh one."
        ) from error
    return sealed


def check(path: Path, expected: File) -> None:
    """Refuse a file that is not what it should be.

    Args:
        path: of the file.
        expected: its size and SHA-256.

    Raises:
        ReleaseError: it has another size or another SHA-256.
    """
    size = path.stat().st_size
    received = f"{size:,} bytes" if size != expected.bytes else sha256(path)
    if received != expected.sha256:
        raise ReleaseError(
            f"Expected {path.name} to have {expected.bytes:,} bytes and the SHA-256 {expected.sha256}. "
            f"Received: {received}. It is damaged or was changed: fetch or publish it again."
        )
