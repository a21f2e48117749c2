"""Plain S3 requests under one prefix, with errors translated."""

import contextlib
import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from tasks.deployment.stores.protocol import SMALL, Entry, Object, Progress, check_key
from tasks.errors import NotFound, StoreError, StoreUnavailable
from tasks.files import CHUNK
from tasks.s3.connection import ATTEMPTS, connect, is_aws
from tasks.s3.failures import BROKEN_OFF, FAILURES, SERVER, code_of, explain, may_pass, status_of
from tasks.s3.stream import ChangedError, Stream

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

SCHEME = "s3://"
SHA256 = "sha256"  # the metadata in which a small object carries its own digest
R = TypeVar("R")


class TooLarge(StoreError):
    """An object has more bytes than it may."""


class Condition(TypedDict, total=False):
    """A condition under which an object is written, or read."""

    IfNoneMatch: str
    IfMatch: str


class Bucket:
    """The bucket and prefix of ``s3://bucket/prefix``; endpoint, region and credentials from the AWS settings."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.name, _, prefix = self.url.removeprefix(SCHEME).partition("/")
        self.prefix = f"{check_key(prefix)}/" if prefix else ""
        with self.errors():
            self.client = connect()
        self.is_aws = is_aws(self.client)
        self.endpoint = self.client.meta.endpoint_url

    def path(self, key: str) -> str:
        """Return what the server calls a key.

        Args:
            key: of the store.
        """
        return self.prefix + check_key(key)

    def get(self, key: str, unless: str = "") -> Object | None:
        """A small object; None where its tag still is ``unless``. An answer that breaks off is asked for again."""
        condition: Condition = {"IfNoneMatch": unless} if unless else {}
        with self.errors():
            try:
                found = self.ask(lambda: self._get(key, condition))
            except ClientError as error:
                if unless and status_of(error) == 304:
                    return None
                raise self.absent(key, error) from None
            return None if unless and found.tag == unless else found

    def _get(self, key: str, condition: Condition) -> Object:
        reply = self.client.get_object(Bucket=self.name, Key=self.path(key), **condition)
        with contextlib.closing(reply["Body"]) as body:
            self._check_size(key, reply.get("ContentLength", 0), SMALL)
            content = body.read(SMALL + 1)  # a server may have left the length out
            self._check_size(key, len(content), SMALL)
        digest = reply.get("Metadata", {}).get(SHA256)
        if digest and hashlib.sha256(content).hexdigest() != digest:
            raise ResponseParserError(f"{key} arrived with {len(content):,} bytes that are not those that were written")
        return Object(content, self._tag(reply))

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None) -> None:
        """Stream an object into a file, over several connections where one breaks."""
        with self.errors():
            try:
                stream = Stream(self.client, self.name, self.path(key))
            except ClientError as error:
                raise self.absent(key, error) from None
            with contextlib.closing(stream), path.open("wb") as target:
                self._check_size(key, stream.bytes, limit)
                while chunk := stream.read(CHUNK):
                    target.write(chunk)
                    if progress:
                        progress(len(chunk))
            if stream.offset != stream.bytes:
                raise StoreUnavailable(
                    f"Expected {stream.bytes:,} bytes of {key} in {self.url}. Received: {stream.offset:,}. Try again."
                )

    def put(self, key: str, content: bytes, **condition: Unpack[Condition]) -> str:
        """Write a small object, raise what boto3 raises, and give the tag that the server names."""
        reply = self.client.put_object(
            Bucket=self.name,
            Key=self.path(key),
            Body=content,
            ContentMD5=b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            Metadata={SHA256: hashlib.sha256(content).hexdigest()},
            **condition,
        )
        return reply.get("ETag", "")

    def entries(self, folder: str) -> Iterator[tuple[Entry, datetime]]:
        """Yield the objects below a folder, and when each was written.

        Args:
            folder: a key without what lies below it.
        """
        more: dict[str, str] = {}
        with self.errors():
            while True:
                page = self.ask(
                    lambda more=more: self.client.list_objects_v2(  # type: ignore[misc]
                        Bucket=self.name, Prefix=f"{self.path(folder)}/", **more
                    )
                )
                for found in page.get("Contents", ()):
                    if found["Key"].endswith("/"):  # a folder, as consoles make them
                        continue
                    yield Entry(found["Key"].removeprefix(self.prefix), found["Size"]), found["LastModified"]
                if not page.get("IsTruncated"):
                    return
                more = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self.errors():
            self.client.delete_object(Bucket=self.name, Key=self.path(key))

    def ask(self, call: Callable[[], R]) -> R:
        """Return what ``call`` gives, asked for again where the answer breaks off, which boto3 leaves to others."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(*BROKEN_OFF):
                return call()
        return call()

    def absent(self, key: str, error: ClientError) -> Exception:
        """Return NotFound where an error says just that, the error itself otherwise.

        Args:
            key: that was asked for.
            error: of botocore.
        """
        if code_of(error) != "NoSuchKey":
            return error
        return NotFound(f"Expected {key} in {self.url}. Received: no such object.")

    def _check_size(self, key: str, size: int, limit: int) -> None:
        if size > limit:
            raise TooLarge(f"Expected {key} in {self.url} to have at most {limit:,} bytes. Received: {size:,}.")

    def _tag(self, reply: "GetObjectOutputTypeDef") -> str:
        if tag := reply.get("ETag"):
            return tag
        raise StoreError(
            f"Expected an S3 server at {self.endpoint}. Received: an object without an ETag. {SERVER}"
        ) from None

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Yield, and tell whatever boto3 raises in the block as a StoreError.

        Raises:
            StoreError: the server does not do what was asked.
        """
        try:
            yield
        except FAILURES as error:
            kind = StoreUnavailable if may_pass(error) else StoreError
            raise kind(f"Expected {self.url} to be read and written. {explain(error)}") from None
        except ChangedError:
            raise StoreError(
                f"Expected an object in {self.url} to stay as it is while it is read. Received: another one. Try again."
            ) from None
