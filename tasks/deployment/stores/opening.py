"""Open a store by its address."""

import importlib
from collections.abc import Mapping
from typing import Any

from tasks.deployment.stores.protocol import Readable, Store
from tasks.errors import ConfigError
from tasks.extras import needing
from tasks.stores import READ_ONLY, STORES, StoreKind, written


def open_store(url: str) -> Store:
    """Return the store at an address, as ``deployment.store`` names it.

    Args:
        url: ``file://folder``, ``s3://bucket/prefix``, or of another kind in :data:`tasks.stores.STORES`.

    Raises:
        ConfigError: it is none of these.
    """
    store: Store = _open(url, STORES)
    return store


def open_reader(url: str) -> Readable:
    """Return a store that is only read, as a device names it.

    Args:
        url: as of :func:`open_store`, or ``https://…``.

    Raises:
        ConfigError: it is none of these.
    """
    store: Readable = _open(url, {**STORES, **READ_ONLY})
    return store


def _open(url: str, kinds: Mapping[str, StoreKind]) -> Any:
    scheme, separator, path = url.partition("://")
    if scheme not in kinds or not separator or not path:
        advice = f"Write file://{url} if it is a folder" if url and ":" not in url else "Correct it"
        raise ConfigError(
            f"Expected the address of a store: {written(kinds.values())}. Received: {url!r}. "
            f"{advice}, in --store or in deployment.store of params.yaml."
        )
    module, _, name = kinds[scheme].target.partition(":")
    with needing("s3", f"a store at {scheme}://"):
        opened = importlib.import_module(f"{__package__}.{module}")
    return getattr(opened, name)(url)
