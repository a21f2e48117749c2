"""Open a store by its address."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import ConfigError
from tasks.extras import needing

R = TypeVar("R", bound=Readable)


def _directory(url: str) -> Store:
    from tasks.deployment.stores.directory import DirectoryStore

    return DirectoryStore(url)


def _s3(url: str) -> Store:
    with needing("s3", "a store at s3://"):
        from tasks.deployment.stores.s3 import S3Store

    return S3Store(url)


def _http(url: str) -> Readable:
    from tasks.deployment.stores.http import HttpStore

    return HttpStore(url)


SCHEMES: dict[str, Callable[[str], Store]] = {"file": _directory, "s3": _s3}
READABLE: dict[str, Callable[[str], Readable]] = {**SCHEMES, "https": _http, "http": _http}


def open_store(url: str) -> Store:
    """Return the store at an address, as ``deployment.store`` names it.

    Args:
        url: ``file://folder`` or ``s3://bucket/prefix``.

    Raises:
        ConfigError: it is none of these.
    """
    return _open(url, SCHEMES, "file://folder or s3://bucket/prefix")


def open_reader(url: str) -> Readable:
    """Return a store that is only read, as a device names it.

    Args:
        url: as of :func:`open_store`, or ``https://…``.

    Raises:
        ConfigError: it is none of these.
    """
    return _open(url, READABLE, "file://folder, s3://bucket/prefix or https://host/path")


def _open(url: str, schemes: Mapping[str, Callable[[str], R]], expected: str) -> R:
    scheme, separator, path = url.partition("://")
    if scheme not in schemes or not separator or not path:
        advice = f"Write file://{url} if it is a folder" if url and ":" not in url else "Correct it"
        raise ConfigError(
            f"Expected the address of a store: {expected}. Received: {url!r}. "
            f"{advice}, in --store or in deployment.store of params.yaml."
        )
    return schemes[scheme](url)
