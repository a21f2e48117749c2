"""A connection to any S3, by the standard AWS settings: ``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ``AWS_REGION``, …."""

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 4
ONE_AT_A_TIME = Lock()  # a session makes one client at a time


@cache
def _session() -> "Session":
    """Shared by all clients of a process: it takes a seventh of a second to learn what S3 is."""
    import boto3

    return boto3.session.Session()


def connect(connections: int = 10) -> "S3Client":
    """A client that also suits servers other than AWS: those are addressed by path, without AWS's own checksums.

    Args:
        connections: that are kept open at most.
    """
    from botocore.config import Config

    with ONE_AT_A_TIME:
        session = _session()
        region = session.region_name or "us-east-1"
        config = Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=connections,
        )
        client = session.client("s3", region_name=region, config=config)
        if "amazonaws.com" in client.meta.endpoint_url:
            return client
        by_path = config.merge(Config(s3={"addressing_style": "path"}))
        return session.client("s3", region_name=region, config=by_path)
