"""An object's content as a stream that outlives its connections."""

import io
from typing import TYPE_CHECKING

from tasks.s3.connection import ATTEMPTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef


class ChangedError(Exception):
    """Another content lies under the key than the one that was begun."""


class Stream(io.RawIOBase):
    """An object's content; it goes on where it was when a connection breaks.

    Raises:
        ChangedError: what goes on is another content.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self.offset = 0
        self.tag = ""
        self._client, self._bucket, self._key = client, bucket, key
        self._open()

    def _open(self) -> None:
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": self._key}
        if self.offset:
            request["Range"] = f"bytes={self.offset}-"
        answer = self._client.get_object(**request)
        tag = answer.get("ETag", "")
        if self.offset and tag != self.tag:
            answer["Body"].close()
            raise ChangedError
        if self.offset == 0:
            self.bytes = int(answer["ContentLength"])
            self.metadata = answer.get("Metadata", {})
        self.tag = tag
        self._body = answer["Body"]

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Return how many bytes were put into ``buffer``: as many as it takes, fewer at the end, 0 behind it.

        Args:
            buffer: of bytes, writable.
        """
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        self.offset += len(content)
        return len(content)

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import ReadTimeoutError

        from tasks.s3.failures import BROKEN_OFF

        for _ in range(ATTEMPTS - 1):
            try:
                return self._body.read(size)
            except (*BROKEN_OFF, ReadTimeoutError):
                self._body.close()
                self._open()
        return self._body.read(size)

    def close(self) -> None:
        """Let the connection go."""
        if not self.closed and hasattr(self, "_body"):
            self._body.close()
        super().close()
