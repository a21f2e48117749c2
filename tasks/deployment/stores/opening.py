"""From the address of a store to the store."""

from collections.abc import Callable

from tasks.deployment.stores.protocol import Store
from tasks.errors import ConfigError


def _directory(url: str) -> Store:
    from tasks.deployment.stores.directory import DirectoryStore

    return DirectoryStore(url)


def _s3(url: str) -> Store:
    from tasks.deployment.stores.s3 import S3Store

    return S3Store(url)


SCHEMES: dict[str, Callable[[str], Store]] = {"file": _directory, "s3": _s3}


def open_store(url: str) -> Store:
    """The store at ``url``: ``file://folder`` or ``s3://bucket/prefix``.

    Raises:
        ConfigError: the address has no scheme that is known, or nothing behind it.
        StoreError: the connection cannot be set up.
    """
    scheme, separator, place = url.partition("://")
    if scheme not in SCHEMES or not separator or not place:
        raise ConfigError(
            f"Expected the address of a store: file://folder or s3://bucket/prefix. Received: {url!r}. "
            f"Set deployment.store in params.yaml."
        )
    return SCHEMES[scheme](url)
