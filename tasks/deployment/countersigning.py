"""One more signature under a release, so that keys can be changed without releasing everything again."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tasks.deployment.promotion import Registry
from tasks.deployment.records import MANIFEST
from tasks.deployment.registry import Sealed, expect_about, open_manifest, release_key
from tasks.deployment.signing import countersign
from tasks.errors import NotFound, ReleaseError


def sign(registry: Registry, version: int, key: Ed25519PrivateKey) -> Sealed:
    """Sign a release that somebody trusted has signed already; what it is stays as it is, and so do all channels.

    Raises:
        Untrusted: nobody trusted has signed it yet.
        ReleaseError: there is no such release, or its manifest is about another one.
        Conflict: somebody else signs it at the same time.
        StoreError: the store cannot be read or written.
    """
    store, place = registry.store, release_key(registry.model, version, MANIFEST)
    try:
        found = store.get(place)
    except NotFound:
        raise ReleaseError(
            f"Expected release {version} of {registry.model} in {store.url}. Received: no such release. "
            f"`slimline releases` lists all."
        ) from None
    sealed = open_manifest(found.content, registry.trust, f"{store.url}/{place}")
    expect_about(sealed.manifest, registry.model, version, f"{place} in {store.url}")
    signed = countersign(found.content, key)
    store.compare_and_swap(place, signed, found.tag)
    return open_manifest(signed, registry.trust, f"{store.url}/{place}")
