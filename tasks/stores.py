"""The kinds of stores, by the schemes of their addresses.

They are named here alone: params.yaml takes these addresses, ``tasks/deployment/stores`` opens them.
"""

from collections.abc import Iterable
from typing import NamedTuple


class StoreKind(NamedTuple):
    """A kind of store: its module in ``tasks/deployment/stores`` with the class, and how an address is written."""

    target: str
    address: str


STORES = {
    "file": StoreKind("directory:DirectoryStore", "file://folder"),
    "s3": StoreKind("s3:S3Store", "s3://bucket/prefix"),
}
READ_ONLY = {
    "https": StoreKind("http:HttpStore", "https://host/path"),
    "http": StoreKind("http:HttpStore", "http://host/path"),
}


def written(kinds: Iterable[StoreKind]) -> str:
    """Return how addresses are written, for people: ``file://folder or s3://bucket/prefix``.

    Args:
        kinds: of stores.
    """
    *others, last = [kind.address for kind in kinds]
    return f"{', '.join(others)} or {last}" if others else last
