"""The signatures of approvers, which lie beside the manifest of a release."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.records import APPROVERS, Manifest
from tasks.deployment.registry.keys import release_key
from tasks.deployment.registry.manifests import Sealed
from tasks.deployment.stores.protocol import Object, Readable, Store
from tasks.deployment.trust.keys import key_id
from tasks.deployment.trust.signing import SHOWN
from tasks.deployment.trust.statements import Statement, expect_signers, find_signers, sign_statement
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ConfigError, NotFound


def statement_about(manifest: Manifest, sha256: str) -> Statement:
    """Return what approvers sign of a release.

    Args:
        manifest: of the release.
        sha256: of the manifest's bytes.
    """
    return Statement(model=manifest.model, version=manifest.version, manifest_sha256=sha256)


def read_approvers(store: Readable, release: Sealed, trust: Trust) -> bytes | None:
    """Return the envelope that enough approvers have signed; None where none have to.

    Args:
        store: of the releases.
        release: that they approve.
        trust: with the approvers.

    Raises:
        Untrusted: too few have signed.
        StoreError: the store cannot be read.
    """
    if trust.approvers is None:
        return None
    found, origin = _find(store, release)
    expect_signers(found.content if found else None, statement_about(release.manifest, release.sha256), trust, origin)
    return found.content if found else None


def sign_as_approver(store: Store, release: Sealed, key: Ed25519PrivateKey, trust: Trust) -> tuple[int, int]:
    """Sign that a release is approved; to do it again does no harm.

    Args:
        store: of the releases.
        release: whose manifest a trusted key has signed.
        key: of the approver.
        trust: with the approvers, if any are asked for.

    Returns:
        how many approvers have signed now, and how many must; of a trust that asks for none, 1 and 1.

    Raises:
        ConfigError: the key is revoked, or not an approver's.
        Untrusted: what lies there is no such statement.
        ReleaseError: it has too many signatures.
        Conflict: somebody else signs at the same time.
        StoreError: the store cannot be read or written.
    """
    trust.expect_not_revoked(key)
    name = key_id(key.public_key())
    if trust.approvers and name not in trust.approvers.keys:
        raise ConfigError(
            f"Expected a key of an approver, whose public key deployment.trust.require.approvers names. Received: "
            f"{name[:SHOWN]}, which is not among them. Take another key, or add it there."
        )
    found, origin = _find(store, release)
    statement = statement_about(release.manifest, release.sha256)
    content = sign_statement(statement, key, found.content if found else None, origin)
    place = release_key(release.manifest.model, release.manifest.version, APPROVERS)
    store.compare_and_swap(place, content, found.tag if found else None)
    if trust.approvers is None:
        return 1, 1
    return len(find_signers(content, statement, trust, origin)), trust.approvers.threshold


def _find(store: Readable, release: Sealed) -> tuple[Object | None, str]:
    key = release_key(release.manifest.model, release.manifest.version, APPROVERS)
    try:
        return store.get(key), f"{store.url}/{key}"
    except NotFound:
        return None, f"{store.url}/{key}"
