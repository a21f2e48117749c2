"""A prefix of class folders, or an archive, in any S3 object store.

Endpoint, region and credentials come from the standard AWS settings: ``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ….
"""

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from tasks.data_loading.sources.archive import Archive, format_of
from tasks.data_loading.sources.naming import clean, file_item, is_litter
from tasks.data_loading.sources.protocol import Folder, Item, Source, SourceListing, digest_of
from tasks.errors import SourceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

FETCHERS = 16  # objects fetched at the same time
ATTEMPTS = 4


def connect() -> "S3Client":
    """A client by the standard AWS settings; servers other than AWS are addressed by path."""
    import boto3
    from botocore.config import Config

    session = boto3.session.Session()
    region = session.region_name or "us-east-1"
    config = Config(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=FETCHERS,
    )
    client = session.client("s3", region_name=region, config=config)
    if "amazonaws.com" in client.meta.endpoint_url:
        return client
    return session.client("s3", region_name=region, config=config.merge(Config(s3={"addressing_style": "path"})))


@contextmanager
def _reading(location: str) -> Iterator[None]:
    """Turn whatever boto3 raises into a SourceError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise SourceError(
            f"Expected to read {location}. Received: {error}. "
            f"Check the name, the network and the AWS settings (AWS_ENDPOINT_URL, AWS_PROFILE, credentials)."
        ) from None


@dataclass(frozen=True)
class S3File:
    """One object."""

    client: "S3Client"
    bucket: str
    key: str

    @property
    def location(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"

    def identity(self) -> tuple[int, str]:
        """Size and ETag."""
        with _reading(self.location):
            head = self.client.head_object(Bucket=self.bucket, Key=self.key)
        return head["ContentLength"], head["ETag"]

    def open(self) -> IO[bytes]:
        """Its bytes as a stream."""
        return io.BufferedReader(S3Stream(self), 1 << 20)

    def read(self) -> bytes:
        """All of its bytes."""
        with self.open() as stream:
            return stream.read()


class S3Stream(io.RawIOBase):
    """An object's body that goes on where it was when the connection breaks."""

    def __init__(self, file: S3File) -> None:
        self.file = file
        self.offset = 0
        self._etag: str | None = None
        self._open()

    def _open(self) -> None:
        file = self.file
        request: GetObjectRequestTypeDef = {"Bucket": file.bucket, "Key": file.key}
        if self.offset:
            request["Range"] = f"bytes={self.offset}-"
        with _reading(file.location):
            answer = file.client.get_object(**request)
        if self._etag not in (None, answer["ETag"]):
            raise SourceError(
                f"Expected {file.location} to stay as it is. Received: another version in the middle. Run again."
            )
        self._etag = answer["ETag"]
        self._body = answer["Body"]

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as there is something to fill it with."""
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        self.offset += len(content)
        return len(content)

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import BotoCoreError

        for _ in range(ATTEMPTS - 1):
            try:
                return self._body.read(size)
            except BotoCoreError:
                self._open()
        with _reading(f"{self.file.location} from byte {self.offset:,}"):
            return self._body.read(size)

    def close(self) -> None:
        """Let the connection go."""
        if not self.closed:
            self._body.close()
        super().close()


class S3Prefix:
    """Objects named as files in class folders."""

    kind = "s3"

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self.location = f"s3://{bucket}/{prefix}"

    def listing(self) -> SourceListing:
        """Names, sizes and ETags of all objects."""
        digest, count = digest_of(entry for entry in self._objects() if not entry[0].endswith("/"))
        if not count:
            raise SourceError(
                f"Expected class folders with images below {self.location}. Received: no objects. "
                f"Put them there as <class>/<file>, or change data.source."
            )
        return SourceListing(kind=self.kind, location=self.location, digest=digest, files=count)

    def items(self) -> Iterator[Item]:
        """The objects in the order of their names; several are fetched ahead."""
        fetched: deque[Future[Item | None]] = deque()
        pool = ThreadPoolExecutor(FETCHERS, thread_name_prefix="s3")
        try:
            for path, size, _ in self._objects():
                fetched.append(pool.submit(self._item, path, size))
                if len(fetched) >= 2 * FETCHERS and (item := fetched.popleft().result()):
                    yield item
            while fetched:
                if item := fetched.popleft().result():
                    yield item
        finally:
            pool.shutdown(cancel_futures=True)

    def _item(self, path: str, size: int) -> Item | None:
        if path.endswith("/"):
            return Folder(clean(path))
        return file_item(path, size, S3File(self.client, self.bucket, self.prefix + path).read)

    def _objects(self) -> Iterator[tuple[str, int, str]]:
        """Name below the prefix, size and ETag of each object that is not hidden."""
        pages = self.client.get_paginator("list_objects_v2")
        with _reading(self.location):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
                for entry in page.get("Contents", ()):
                    path = entry["Key"].removeprefix(self.prefix)
                    if path and not is_litter(path):
                        yield path, entry["Size"], entry["ETag"]


def open_s3(location: str) -> Source:
    """The archive or the prefix at ``s3://bucket/…``."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise SourceError(f"Expected s3://bucket/prefix. Received: {location}. Name the bucket.")
    form = format_of(key)
    client = connect()
    return Archive(S3File(client, bucket, key), form) if form else S3Prefix(client, bucket, key)
