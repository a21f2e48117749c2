"""A prefix of class folders, or an archive, in any S3 object store.

Endpoint, region and credentials come from the standard AWS settings: ``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ….
"""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from tasks.data_loading.sources.archive import Archive, format_of
from tasks.data_loading.sources.protocol import Entry, See, Source, SourceListing, digest_of
from tasks.errors import SourceError
from tasks.paths import clean, is_litter
from tasks.s3.connection import connect
from tasks.s3.stream import ChangedError, Stream
from tasks.workloads.items import Folder, Item, SourceFile, TakeFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FETCHERS = 16  # objects fetched at the same time
AHEAD = 16 << 20  # bytes of an object that is fetched ahead as a whole; a larger one is read as a stream


@contextmanager
def _reading(location: str) -> Iterator[None]:
    """Turn whatever boto3 raises into a SourceError."""
    from tasks.s3.failures import FAILURES, explain

    try:
        yield
    except FAILURES as error:
        raise SourceError(f"Expected to read {location}. {explain(error)}") from None
    except ChangedError:
        raise SourceError(
            f"Expected {location} to stay as it is. Received: another version in the middle. Run again."
        ) from None


@dataclass(frozen=True)
class S3File:
    """One object."""

    client: "S3Client"
    bucket: str
    key: str

    @property
    def location(self) -> str:
        """Address of the object."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def canonical(self) -> str:
        """Address of the object."""
        return self.location

    def identity(self) -> tuple[int, str]:
        """Return the size in bytes and the ETag."""
        with _reading(self.location):
            head = self.client.head_object(Bucket=self.bucket, Key=self.key)
        return head["ContentLength"], head["ETag"]

    def open(self) -> IO[bytes]:
        """Return the bytes as a stream."""
        return io.BufferedReader(S3Stream(self), 1 << 20)

    def read(self) -> bytes:
        """All of its bytes."""
        with self.open() as stream:
            return stream.read()


class S3Stream(Stream):
    """An object's body that goes on where it was when the connection breaks."""

    def __init__(self, file: S3File) -> None:
        self.file = file
        super().__init__(file.client, file.bucket, file.key)

    def _open(self) -> None:
        with _reading(self.file.location):
            super()._open()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Return how many bytes were put into ``buffer``: as many as it takes, fewer at the end, 0 behind it.

        Args:
            buffer: of bytes, writable.
        """
        with _reading(f"{self.file.location} from byte {self.offset:,}"):
            return super().readinto(buffer)


class S3Prefix:
    """Objects named as files in class folders."""

    kind = "s3"

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self.location = f"s3://{bucket}/{self.prefix}"

    def listing(self, see: See | None = None) -> SourceListing:
        """Names, sizes and ETags of all objects."""
        digest, count = digest_of((entry for entry in self._objects() if not entry.path.endswith("/")), see)
        if not count:
            raise SourceError(
                f"Expected class folders with images below {self.location}. Received: no objects. "
                f"Put them there as <class>/<file>, or change data.source."
            )
        return SourceListing(kind=self.kind, location=self.location, digest=digest, files=count)

    def items(self, take: TakeFile) -> Iterator[Item]:
        """The objects in the order of their names; several are fetched ahead."""
        fetched: deque[Callable[[], Iterable[Item]]] = deque()
        pool = ThreadPoolExecutor(FETCHERS, thread_name_prefix="s3")
        try:
            for path, size, _ in self._objects():
                items = partial(self._items, take, path, size)
                fetched.append(items if size > AHEAD else pool.submit(_all, items).result)
                if len(fetched) >= 2 * FETCHERS:
                    yield from fetched.popleft()()
            while fetched:
                yield from fetched.popleft()()
        finally:
            pool.shutdown(cancel_futures=True)

    def _items(self, take: TakeFile, path: str, size: int) -> Iterable[Item]:
        if path.endswith("/"):
            return [Folder(clean(path))]
        file = S3File(self.client, self.bucket, self.prefix + path)
        return take(SourceFile(path, size, file.read, file.open))

    def _objects(self) -> Iterator[Entry]:
        """Name below the prefix, size and ETag of each object that is not hidden."""
        pages = self.client.get_paginator("list_objects_v2")
        with _reading(self.location):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
                for entry in page.get("Contents", ()):
                    path = entry["Key"].removeprefix(self.prefix)
                    if path and not is_litter(path):
                        yield Entry(path, entry["Size"], entry["ETag"])


def _all(items: Callable[[], Iterable[Item]]) -> list[Item]:
    """Read all items, in whichever thread this is."""
    return list(items())


def open_s3(location: str) -> Source:
    """Return the archive or the prefix at ``s3://bucket/…``.

    Args:
        location: as params.yaml has it.

    Raises:
        SourceError: it names no bucket.
    """
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise SourceError(f"Expected s3://bucket/prefix. Received: {location}. Name the bucket.")
    form = format_of(key)
    client = connect(FETCHERS)
    return Archive(S3File(client, bucket, key), form) if form else S3Prefix(client, bucket, key)
