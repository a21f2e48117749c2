"""Objects in a bucket of any S3.

Conditions go with plain ``PutObject`` requests only, since servers ignore them elsewhere. A conditional write that is
tried again after a lost answer is refused by its own success: a refusal is believed after the object was read again.
"""

import contextlib
import hashlib
import io
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from tasks.deployment.stores.protocol import SMALL, Entry, Object, Store, check_key
from tasks.errors import Conflict, NotFound, StoreError, StoreUnavailable
from tasks.files import CHUNK
from tasks.s3 import connect

if TYPE_CHECKING:
    from botocore.response import StreamingBody

SCHEME = "s3://"
REFUSED = {"NoSuchKey", "PreconditionFailed", "ConditionalRequestConflict", "409", "412"}
TRY_LATER = {429, 500, 502, 503, 504}
NETWORK = (ConnectionError, HTTPClientError, IncompleteReadError)
CREDENTIALS = "Check the AWS credentials, and that they belong to this endpoint."
REGION = "Set AWS_REGION to the bucket's region."
ADVICE = {
    "NoSuchBucket": "Create the bucket, or mend its name in deployment.store.",
    "AccessDenied": "Give these credentials the rights to list the bucket and to get, put and delete its objects.",
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "ExpiredToken": "Sign in again.",
    "PermanentRedirect": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "RequestTimeTooSkewed": "Set this machine's clock.",
}
DEFAULT_ADVICE = "Check AWS_ENDPOINT_URL, AWS_PROFILE, the credentials and the network."


Content = io.BytesIO | io.BufferedReader


class Condition(TypedDict, total=False):
    """Under which an object is written or read."""

    IfNoneMatch: str
    IfMatch: str


class _NotModified(Exception):
    """The object still has the tag that was named."""


class S3Store:
    """A store under a prefix of a bucket; endpoint, region and credentials come from the standard AWS settings.

    Args:
        url: ``s3://bucket`` or ``s3://bucket/prefix``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._bucket, _, prefix = self.url.removeprefix(SCHEME).partition("/")
        self._prefix = f"{check_key(prefix)}/" if prefix else ""
        with self._errors():
            self._client = connect()

    def get(self, key: str) -> Object:
        """See :meth:`Store.get`."""
        with self._errors(), self._open(key, SMALL) as (body, tag):
            return Object(body.read(), tag)

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Store.get_if_changed`; where a server ignores the condition, the content travels in vain."""
        try:
            with self._errors(), self._open(key, SMALL, IfNoneMatch=tag) as (body, now):
                return None if now == tag else Object(body.read(), now)
        except _NotModified:
            return None

    def read_to(self, key: str, path: Path, limit: int) -> None:
        """See :meth:`Store.read_to`."""
        with self._errors(), self._open(key, limit) as (body, _), path.open("wb") as target:
            for chunk in body.iter_chunks(CHUNK):
                target.write(chunk)

    def put(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put`."""
        self._write(key, io.BytesIO(content), {})

    def put_if_absent(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put_if_absent`."""
        self._write(key, io.BytesIO(content), {"IfNoneMatch": "*"})

    def put_file(self, key: str, path: Path) -> None:
        """See :meth:`Store.put_file`; S3 takes 5 GB in one request, a flatbuffer ends at 2 GB."""
        with path.open("rb") as file:
            self._write(key, file, {"IfNoneMatch": "*"})

    def compare_and_swap(self, key: str, content: bytes, tag: str | None) -> None:
        """See :meth:`Store.compare_and_swap`."""
        self._write(key, io.BytesIO(content), {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag})

    def list(self, folder: str) -> Iterator[Entry]:
        """See :meth:`Store.list`."""
        with self._errors():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._name(folder)}/"):
                for found in page.get("Contents", ()):
                    yield Entry(found["Key"].removeprefix(self._prefix), found["Size"])

    def delete(self, key: str) -> None:
        """See :meth:`Store.delete`."""
        with self._errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    @contextlib.contextmanager
    def _open(self, key: str, limit: int, **condition: Unpack[Condition]) -> "Iterator[tuple[StreamingBody, str]]":
        try:
            reply = self._client.get_object(Bucket=self._bucket, Key=self._name(key), **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 304:
                raise _NotModified from None
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise NotFound(f"Expected {key} in {self.url}. Received: no such object.") from None
            raise
        with contextlib.closing(reply["Body"]) as body:
            if (size := reply["ContentLength"]) > limit:
                raise StoreError(f"Expected {key} in {self.url} to have at most {limit:,} bytes. Received: {size:,}.")
            yield body, reply["ETag"]

    def _write(self, key: str, content: Content, condition: Condition) -> None:
        md5 = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).digest()
        content.seek(0)
        with self._errors():
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._name(key),
                    Body=content,
                    ContentMD5=b64encode(md5).decode(),
                    **condition,
                )
            except (ClientError, BotoCoreError) as error:
                if not condition:
                    raise
                content.seek(0)
                if self._holds(key, content):
                    return
                if isinstance(error, ClientError) and error.response["Error"]["Code"] in REFUSED:
                    raise Conflict(
                        f"Expected {key} in {self.url} to be as it was before. Received: somebody else's change."
                    ) from None
                raise

    def _holds(self, key: str, content: Content) -> bool:
        """Whether the object is there and has just this content."""
        mine = hashlib.file_digest(content, "sha256")
        theirs = hashlib.sha256()
        try:
            with self._open(key, content.seek(0, io.SEEK_END)) as (body, _):
                for chunk in body.iter_chunks(CHUNK):
                    theirs.update(chunk)
        except StoreError:  # none, or a larger one
            return False
        return theirs.digest() == mine.digest()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            advice = ADVICE.get(error.response["Error"]["Code"], DEFAULT_ADVICE)
            later = error.response["ResponseMetadata"]["HTTPStatusCode"] in TRY_LATER
            kind = StoreUnavailable if later else StoreError
            raise kind(f"Expected {self.url} to be read and written. Received: {error}. {advice}") from None
        except BotoCoreError as error:
            kind = StoreUnavailable if isinstance(error, NETWORK) else StoreError
            received = str(error).rstrip(".")
            raise kind(f"Expected {self.url} to be reached. Received: {received}. {DEFAULT_ADVICE}") from None


if TYPE_CHECKING:
    _: type[Store] = S3Store
