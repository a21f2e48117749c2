"""Both stores, fresh for each test, and settings under which processes of a test find the S3 server."""

import uuid
from pathlib import Path

import boto3
import pytest

from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store


@pytest.fixture(params=["file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    endpoint = request.getfixturevalue("s3_endpoint")
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{uuid.uuid4()}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/some/prefix"


@pytest.fixture
def store(store_url: str) -> Store:
    """The store itself."""
    return open_store(store_url)
