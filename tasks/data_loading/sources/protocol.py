"""The protocol of every kind of source: a listing that is cheap to take, and a stream of raw samples."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from tasks.records import Record
from tasks.workloads.items import Item, TakeFile


class Entry(NamedTuple):
    """A file of a source: its path in it, its bytes, and an ETag or a time that changes when the content does.

    A source that is one file, as an archive, has one entry without a path.
    """

    path: str
    size: int
    version: str | int

    def line(self) -> bytes:
        """Return the line of the file in a listing, of which the listing's digest is made."""
        parts = self if self.path else self[1:]
        return "\0".join(map(str, parts)).encode("utf-8", "backslashreplace") + b"\n"


See = Callable[[Entry], object]  # is shown each entry while a source is listed


class SourceListing(Record):
    """The list of a source now. Equal listings mean that nothing has to be read again.

    ``location`` is the same however it is written (see :func:`tasks.paths.local`). It belongs to
    the listing, since two folders may hold other images under the same names, sizes and times; what is prepared from
    them does not name it.
    """

    kind: str
    location: str
    digest: str  # of names, sizes and ETags or modification times
    files: int


class Source(Protocol):
    """One kind of source. Both verbs raise SourceError where the source is missing, empty or unreachable."""

    def listing(self, see: See | None = None) -> SourceListing:
        """Return what is there, without reading it.

        Args:
            see: is shown each entry; sources that come with slimline never change and have none.

        Raises:
            SourceError: the source is missing, empty or unreachable.
        """

    def items(self, take: TakeFile) -> Iterator[Item]:
        """Yield what is there, in an order that depends on nothing but the source.

        Args:
            take: the workload's view of a file; sources that hold arrays have none.

        Raises:
            SourceError: the source is missing, empty or unreachable.
        """


def digest_of(entries: Iterable[Entry], see: See | None = None) -> tuple[str, int]:
    """Return the SHA-256 over a listing's entries, in their order, and how many there are.

    Args:
        entries: of the listing.
        see: is shown each of them.
    """
    digest, count = hashlib.sha256(), 0
    for count, entry in enumerate(entries, start=1):  # noqa: B007
        digest.update(entry.line())
        if see is not None:
            see(entry)
    return digest.hexdigest(), count
