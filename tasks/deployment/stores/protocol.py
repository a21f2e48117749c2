"""The protocol of object stores: what a release needs of one, and no more.

Every write is all or nothing: a reader finds the old object, the new one or none, never a part. A conditional write
is idempotent: where the key already holds just this content, it succeeds, since that is how a write looks whose
answer was lost. Content that must tell two writers apart therefore carries a nonce.

How far a server keeps its side is in :class:`~tasks.deployment.stores.conditions.Conditions`, found by a probe:

- Small objects (up to :data:`PIECE`) are written by one request that carries its condition, and an answer that leaves
  open what happened (409, 412, 5xx, none) is resolved by reading the object back. Where conditions are refused or
  ignored, ``put_if_absent`` looks before and after it writes, which two writers at the same moment can outwit, and
  ``compare_and_swap`` is refused.
- Large files travel in pieces, and servers ignore conditions on what joins the pieces. ``put_file`` looks before it
  begins and again before it joins; two writers of *one* key at the same moment could pass each other there. Releases
  do not: each file lies under a version that was claimed before by a small conditional write. On AWS, which keeps the
  condition there too, it is sent.
- Each piece is signed with its SHA-256, and one that the server refuses is sent again. What it says it holds in the
  end is compared in size and with the ETags that it acknowledged; where those are no MD5s, the object is read back and
  its SHA-256 compared. An upload that fails is taken back, and what a killed writer leaves is in ``leftovers``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tasks.deployment.stores.conditions import Conditions
from tasks.errors import StoreError

SMALL = 16 << 20  # bytes; objects that are held in memory are smaller
PIECE = 8 << 20  # bytes; larger files travel in pieces of this size
Progress = Callable[[int], object]  # told how many bytes more have arrived
MAX_KEY = 800  # characters
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Object:
    """A small object as it was read; ``tag`` changes with its content."""

    content: bytes
    tag: str  # empty where a server names none


@dataclass(frozen=True)
class Entry:
    """An object in a listing."""

    key: str
    bytes: int


@dataclass(frozen=True)
class Leftover:
    """Something unfinished that lies in a store and is no object."""

    key: str  # what it was to become
    began: datetime  # with its time zone
    handle: str  # what the store calls it


class Readable(Protocol):
    """Objects under keys such as ``models/digits/channels/production.json``: what a device needs of a store.

    Every verb raises StoreError where the store cannot be reached, refuses or the key is not one.
    """

    @property
    def url(self) -> str:
        """Return where it is, as in params.yaml."""

    def get(self, key: str) -> Object:
        """Read a small object.

        Args:
            key: of the object.

        Returns:
            its content and its tag.

        Raises:
            NotFound: there is none.
            StoreError: it is larger than :data:`SMALL`.
        """

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """Read a small object unless it still has ``tag``; then its content does not travel.

        Args:
            key: of the object.
            tag: as an earlier read has given it.

        Returns:
            its content and its tag; None where it is unchanged.

        Raises:
            NotFound: there is none.
            StoreError: it is larger than :data:`SMALL`.
        """

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """Stream an object into a file, which is not whole when this raises.

        Args:
            key: of the object.
            path: of the file.
            limit: bytes that it may have.
            progress: is told how many bytes more have arrived.

        Raises:
            NotFound: there is none.
            StoreError: it has more than ``limit`` bytes.
        """


class Store(Readable, Protocol):
    """A store that can be written, too."""

    @property
    def conditions(self) -> Conditions:
        """Return how it keeps conditions on writes."""

    def put(self, key: str, content: bytes) -> None:
        """Write an object, whatever was there.

        Args:
            key: of the object.
            content: its bytes, at most :data:`SMALL`.
        """

    def put_if_absent(self, key: str, content: bytes) -> None:
        """Write an object that is not there yet.

        Args:
            key: of the object.
            content: its bytes, at most :data:`SMALL`.

        Raises:
            Conflict: another content is there.
        """

    def put_file(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """Stream a file into an object that is not there yet.

        Args:
            key: of the object.
            path: of the file.
            progress: is told how many bytes more have arrived.

        Raises:
            Conflict: another content is there.
        """

    def compare_and_swap(self, key: str, content: bytes, tag: str | None) -> None:
        """Write an object if what is there now still has ``tag``.

        Args:
            key: of the object.
            content: its bytes, at most :data:`SMALL`.
            tag: as it was read; None: nothing may be there.

        Raises:
            Conflict: another content is there, or none any more.
            StoreError: the store does not keep conditions.
        """

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield all objects whose keys begin with a folder and a slash, in the order of their keys.

        What others put there is listed, too, be it no object that :meth:`get` reads, or its name no key.

        Args:
            folder: without the slash.
        """

    def delete(self, key: str) -> None:
        """Remove an object; it is no error when there is none.

        Args:
            key: of the object.
        """

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what writers have begun and not ended, those at work now as well as those that were killed."""

    def discard(self, leftover: Leftover) -> None:
        """Remove a leftover; it is no error when there is none.

        Args:
            leftover: as :meth:`leftovers` gives it.
        """


def is_key(key: str) -> bool:
    """Return whether :func:`check_key` takes it.

    Args:
        key: any text.
    """
    return len(key) <= MAX_KEY and all(PART.fullmatch(part) for part in key.split("/"))


def check_key(key: str) -> str:
    """Return a key if it is one: parts of letters, digits, ``_``, ``.`` and ``-``, joined by slashes.

    Args:
        key: any text.

    Raises:
        StoreError: it is empty, absolute, too long or could lead out of the store.
    """
    if is_key(key):
        return key
    raise StoreError(
        f"Expected a key of parts that begin with a letter or a digit and hold only these, '_', '.' and '-', "
        f"joined by '/'. Received: {key[:MAX_KEY]!r}."
    )
