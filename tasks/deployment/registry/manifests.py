"""Manifests in their envelopes: opened, and refused where they are about something else."""

import hashlib
from dataclasses import dataclass

from tasks.deployment.records import MANIFEST, Manifest
from tasks.deployment.registry.encoding import decode
from tasks.deployment.registry.keys import release_key
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.signing import unseal
from tasks.deployment.trust.trusted import Trust
from tasks.errors import NotFound, ReleaseError


@dataclass(frozen=True)
class Sealed:
    """A manifest, the SHA-256 of its bytes, the envelope as it is stored and the trusted keys that vouch for it."""

    manifest: Manifest
    sha256: str
    envelope: bytes
    signed_by: tuple[str, ...]


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
