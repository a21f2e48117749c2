"""What every kind of source gives: a listing that is cheap to take, and a stream of raw samples."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.records import Record
from tasks.samples import SplitName

Payload = bytes | NDArray[np.uint8]


class SourceListing(Record):
    """What a source lists now. Equal listings mean that nothing has to be read again.

    ``location`` is the same however it is written (see :func:`tasks.data_loading.sources.naming.local`). It belongs to
    the listing, since two folders may hold other images under the same names, sizes and times; what is prepared from
    them does not name it.
    """

    kind: str
    location: str
    digest: str  # of names, sizes and ETags or modification times
    files: int


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample as the source holds it.

    ``payload`` is an encoded image file, or its pixels as uint8 ``[height, width]`` or ``[height, width, channels]``.
    ``split`` is what the source declares, if it does.
    """

    name: str
    class_name: str
    split: SplitName | None
    payload: Payload


@dataclass(frozen=True, slots=True)
class RefusedSample:
    """A file that cannot be a sample, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the source names, be there anything in it or not."""

    path: str


Item = RawSample | RefusedSample | Folder


class Source(Protocol):
    """One kind of source. Both verbs raise SourceError where the source is missing, empty or unreachable."""

    def listing(self) -> SourceListing:
        """Say what is there, without reading it."""

    def items(self) -> Iterator[Item]:
        """Stream what is there, in an order that depends on nothing but the source."""


def digest_of(entries: Iterable[tuple[object, ...]]) -> tuple[str, int]:
    """SHA-256 over a listing's entries, in their order, and how many there are."""
    digest, count = hashlib.sha256(), 0
    for count, entry in enumerate(entries, start=1):  # noqa: B007
        digest.update("\0".join(map(str, entry)).encode("utf-8", "backslashreplace") + b"\n")
    return digest.hexdigest(), count
