"""A connection to any S3, by the standard AWS settings: ``AWS_ENDPOINT_URL``, ``AWS_PROFILE``, ``AWS_REGION``, …."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 4


def connect(connections: int = 10) -> "S3Client":
    """A client that also suits servers other than AWS: those are addressed by path, without AWS's own checksums.

    Args:
        connections: that are kept open at most.
    """
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
        max_pool_connections=connections,
    )
    client = session.client("s3", region_name=region, config=config)
    if "amazonaws.com" in client.meta.endpoint_url:
        return client
    return session.client("s3", region_name=region, config=config.merge(Config(s3={"addressing_style": "path"})))
