"""One more signature under a release, so that keys can be changed without releasing everything again.

A signature says that its signer knows the manifest. How the signer can know it decides what is signed:

- A trusted key that is not revoked has signed it already: its word is taken.
- No such key has, as after a key was lost and revoked. Whoever has the lost key can have written the manifest; who may
  write to the store as well can have changed channels and their trails. So nothing in the store vouches for it. What
  does is the SHA-256 of the manifest from a place that neither the key nor the store opens: the note that the project
  made when it released it (:mod:`tasks.deployment.releases.memory`), the message of the release's commit in git, or
  the word of a person who has it from elsewhere. What the project has only seen in the store does not count: it trusted
  the key then. The manifest names every file by its SHA-256, so a digest that fits vouches for the whole release.

A manifest that nothing vouches for is signed in no case, not where unsigned releases are taken either.
"""

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.records import MANIFEST
from tasks.deployment.registry import Sealed, expect_about, open_manifest, release_key
from tasks.deployment.releases.promotion import Registry
from tasks.deployment.stores.protocol import Object
from tasks.deployment.trust.keys import key_id
from tasks.deployment.trust.signing import SHOWN, countersign, is_right, parts
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ConfigError, NotFound, ReleaseError, Untrusted


def sign(registry: Registry, version: int, key: Ed25519PrivateKey) -> Sealed:
    """Sign a release that somebody trusted has signed already; what it is stays as it is, and so do all channels.

    Args:
        registry: the project's, open.
        version: of the release.
        key: its signature is added.

    Returns:
        the release with all its signatures.

    Raises:
        ConfigError: the key is revoked.
        Untrusted: nobody trusted has signed it yet.
        ReleaseError: there is no such release, its manifest is about another one, or has too many signatures.
        Conflict: somebody else signs it at the same time.
        StoreError: the store cannot be read or written.
    """
    found, origin = _find(registry, version)
    trust = _strict(registry.trust, key)
    sealed = open_manifest(found.content, trust, origin)
    expect_about(sealed.manifest, registry.model, version, origin)
    return _write(registry, version, found, countersign(found.content, key), trust)


def replace_signatures(
    registry: Registry, version: int, key: Ed25519PrivateKey, known: Collection[str], given: str | None = None
) -> Sealed:
    """Sign a release anew: the signatures of revoked keys go, and those of trusted keys that are not right.

    Args:
        registry: the project's, open.
        version: of the release.
        key: one that the project trusts, or nobody could read the release afterwards.
        known: SHA-256 of the manifests that this project has released under this number.
        given: the SHA-256 that a person knows from elsewhere.

    Returns:
        the release with the signatures that count now.

    Raises:
        ConfigError: the key is revoked or not trusted.
        Untrusted: no trusted key has signed it, and its SHA-256 is not one that is known.
        ReleaseError: there is no such release, its manifest is about another one, or has too many signatures.
        Conflict: somebody else signs it at the same time.
        StoreError: the store cannot be read or written.
    """
    found, origin = _find(registry, version)
    trust = _strict(registry.trust, key)
    if (name := key_id(key.public_key())) not in trust.active:
        raise ConfigError(
            f"Expected a key that the project trusts. Received: {name[:SHOWN]}, which is not among "
            f"deployment.trust.public_keys. Add its public key there first."
        )
    payload, signatures = parts(found.content, origin)
    right = {name for name, key in trust.active.items() if is_right(key, signatures.get(name, b""), payload)}
    digest = sha256(payload).hexdigest()
    if given is not None and digest != given:
        raise Untrusted(
            f"Expected {origin} to have the SHA-256 {given}, as was given. Received: {digest}. It is another manifest: "
            f"do not use it."
        )
    if not right and given is None and digest not in known:
        raise Untrusted(_nobody_vouches(origin, digest, known))
    gone = trust.revoked | (set(trust.keys) - right)
    signed = countersign(found.content, key, without=gone)
    expect_about(open_manifest(signed, trust, origin).manifest, registry.model, version, origin)
    return _write(registry, version, found, signed, trust)


def _find(registry: Registry, version: int) -> tuple[Object, str]:
    """A release's envelope, and what it is in a message."""
    store, key = registry.store, release_key(registry.model, version, MANIFEST)
    try:
        return store.get(key), f"{store.url}/{key}"
    except NotFound:
        raise ReleaseError(
            f"Expected release {version} of {registry.model} in {store.url}. Received: no such release. "
            f"`slimline releases` lists all."
        ) from None


def _strict(trust: Trust, key: Ed25519PrivateKey) -> Trust:
    """The trust under which something is signed: what is unsigned vouches for nothing."""
    trust.expect_not_revoked(key)
    return replace(trust, unsigned=False)


def _write(registry: Registry, version: int, found: Object, signed: bytes, trust: Trust) -> Sealed:
    key = release_key(registry.model, version, MANIFEST)
    registry.store.compare_and_swap(key, signed, found.tag)
    return open_manifest(signed, trust, f"{registry.store.url}/{key}")


def _nobody_vouches(origin: str, digest: str, known: Collection[str]) -> str:
    if known:
        received = (
            f"{digest}, while this project has released {', '.join(sorted(known))}. It was changed: do not use it"
        )
        way_out = "Release again."
    else:
        received = f"{digest}, of which this project has no record"
        way_out = (
            "Sign it in the project that released it. If you know its SHA-256 from a place that is neither the store "
            "nor open to who has the lost key, give it with --sha256. Else release again: "
            "docs/explanation/releases.md, Changing keys."
        )
    return (
        f"Expected {origin} to be signed by a trusted key, or to have a SHA-256 that this project has released. "
        f"Received: {received}. Nothing was signed. {way_out}"
    )
