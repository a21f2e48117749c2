"""A large file in pieces: a few at a time in memory, each signed with its SHA-256, all of it checked at the end.

The server holds each piece against the digest that is signed with it, and one that arrived damaged is sent again.
"""

import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from tasks.deployment.stores.bucket import Bucket, Condition
from tasks.deployment.stores.protocol import PIECE, Progress
from tasks.errors import Conflict, StoreError
from tasks.files import CHUNK, sha256
from tasks.s3.connection import ATTEMPTS
from tasks.s3.failures import FAILURES, code_of, status_of
from tasks.s3.stream import Stream

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

AT_ONCE = 6  # pieces under way; with as many in memory
DAMAGED = {"XAmzContentSHA256Mismatch", "BadDigest"}  # how servers say that a piece is not what was signed
MD5 = frozenset("0123456789abcdef")


def upload(bucket: Bucket, key: str, path: Path, progress: Progress | None = None) -> None:
    """Write a file under a key that is not taken yet; see :mod:`tasks.deployment.stores.protocol` for what holds.

    Args:
        bucket: where to.
        key: of the store.
        path: of the file.
        progress: is told of bytes that have gone; None: nobody is.

    Raises:
        Conflict: another content is there.
        StoreError: it cannot be written, or what has arrived is not what was sent; the pieces are taken back.
    """
    with bucket.errors():
        if _is_there(bucket, key, path):
            return
        begun = bucket.ask(lambda: bucket.client.create_multipart_upload(Bucket=bucket.name, Key=bucket.path(key)))
        upload_id = begun["UploadId"]
        try:
            with path.open("rb") as file:
                parts = list(_send(bucket, key, upload_id, file.fileno(), progress))
            if _is_there(bucket, key, path):
                abort(bucket, bucket.path(key), upload_id)
                return
            _join(bucket, key, path, upload_id, parts)
            _verify(bucket, key, path, parts)
        except BaseException:
            with contextlib.suppress(StoreError):  # the sweep of leftovers finds it
                abort(bucket, bucket.path(key), upload_id)
            raise


def _send(
    bucket: Bucket, key: str, upload_id: str, file: int, progress: Progress | None
) -> "Iterator[CompletedPartTypeDef]":
    """Send the pieces, a few at once; gives each in its order when it has arrived."""
    size = os.fstat(file).st_size
    count = -(-size // PIECE)
    waiting: deque[Future[tuple[CompletedPartTypeDef, int]]] = deque()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")

    def arrived() -> "CompletedPartTypeDef":
        part, sent = waiting.popleft().result()
        if progress:
            progress(sent)
        return part

    try:
        for number in range(1, count + 1):
            waiting.append(pool.submit(_send_one, bucket, key, upload_id, file, number))
            if len(waiting) > AT_ONCE:
                yield arrived()
        while waiting:
            yield arrived()
    finally:
        pool.shutdown(cancel_futures=True)


def _send_one(bucket: Bucket, key: str, upload_id: str, file: int, number: int) -> "tuple[CompletedPartTypeDef, int]":
    content = os.pread(file, PIECE, (number - 1) * PIECE)
    for left in reversed(range(ATTEMPTS)):
        try:
            reply = bucket.ask(
                lambda: bucket.client.upload_part(
                    Bucket=bucket.name,
                    Key=bucket.path(key),
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=content,
                )
            )
        except ClientError as error:
            if code_of(error) not in DAMAGED or not left:
                raise
        else:
            break
    return {"ETag": reply.get("ETag", ""), "PartNumber": number}, len(content)


def _join(bucket: Bucket, key: str, path: Path, upload_id: str, parts: "list[CompletedPartTypeDef]") -> None:
    condition: Condition = {"IfNoneMatch": "*"} if bucket.is_aws else {}
    try:
        bucket.client.complete_multipart_upload(
            Bucket=bucket.name,
            Key=bucket.path(key),
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
            **condition,
        )
    except FAILURES as error:
        if _holds(bucket, key, path, parts):
            return  # only the answer was lost, or a second request found no upload any more
        if code_of(error) in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise _conflict(bucket, key) from None
        raise


def _verify(bucket: Bucket, key: str, path: Path, parts: "list[CompletedPartTypeDef]") -> None:
    """Hold what the server has against the file."""
    if not _holds(bucket, key, path, parts):
        raise StoreError(
            f"Expected {key} in {bucket.url} to be the {path.stat().st_size:,} bytes that were sent. Received: another "
            f"content. Check the server, and publish again: this release does not exist without its manifest."
        )


def _holds(bucket: Bucket, key: str, path: Path, parts: "list[CompletedPartTypeDef]") -> bool:
    """Return whether the file lies under the key: by size and ETag, or read back where no ETag is of the pieces."""
    found = _head(bucket, key)
    if found is None or found[0] != path.stat().st_size:
        return False
    joined = _joined(parts)
    return (joined is not None and found[1] == joined) or _same(bucket, key, path)


def _is_there(bucket: Bucket, key: str, path: Path) -> bool:
    """Return whether the file lies under the key already.

    Raises:
        Conflict: something else does.
    """
    found = _head(bucket, key)
    if found is None:
        return False
    if found[0] != path.stat().st_size or not _same(bucket, key, path):
        raise _conflict(bucket, key)
    return True


def _conflict(bucket: Bucket, key: str) -> Conflict:
    return Conflict(f"Expected {key} in {bucket.url} not to be there yet. Received: somebody else's content.")


def _head(bucket: Bucket, key: str) -> tuple[int, str] | None:
    """Size and ETag of an object, None where there is none."""
    try:
        head = bucket.client.head_object(Bucket=bucket.name, Key=bucket.path(key))
    except ClientError as error:
        if status_of(error) == 404:
            return None
        raise
    return int(head["ContentLength"]), head.get("ETag", "").strip('"')


def _same(bucket: Bucket, key: str, path: Path) -> bool:
    digest = hashlib.sha256()
    with contextlib.closing(Stream(bucket.client, bucket.name, bucket.path(key))) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == sha256(path)


def _is_md5(tag: str) -> bool:
    digits = tag.strip('"')
    return len(digits) == 32 and MD5.issuperset(digits)


def _joined(parts: "list[CompletedPartTypeDef]") -> str | None:
    """The ETag of an object of several parts, where ETags are MD5s: that of the parts' MD5s, and their number."""
    tags = [part.get("ETag", "").strip('"') for part in parts]
    if not all(map(_is_md5, tags)):
        return None
    return f"{hashlib.md5(b''.join(map(bytes.fromhex, tags)), usedforsecurity=False).hexdigest()}-{len(parts)}"


def unfinished(bucket: Bucket) -> Iterator[tuple[str, datetime, str]]:
    """Yield uploads whose pieces lie in the bucket: path, when they began, and what the server calls them.

    Args:
        bucket: that is asked.
    """
    more: dict[str, str] = {}
    with bucket.errors():
        while True:
            page = bucket.ask(
                lambda more=more: bucket.client.list_multipart_uploads(  # type: ignore[misc]
                    Bucket=bucket.name, Prefix=bucket.prefix, **more
                )
            )
            for found in page.get("Uploads", ()):
                yield found["Key"], found["Initiated"], found["UploadId"]
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def abort(bucket: Bucket, path: str, upload_id: str) -> None:
    """Take an upload's pieces back; it is no error when there is none.

    Args:
        bucket: that has the pieces.
        path: of the upload.
        upload_id: the server's name for it.
    """
    with bucket.errors():
        try:
            bucket.client.abort_multipart_upload(Bucket=bucket.name, Key=path, UploadId=upload_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload" and status_of(error) != 404:
                raise
