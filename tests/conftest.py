"""What all tests share."""

from collections.abc import Iterator

import pytest

from tests.radosgw import Gateway, missing, radosgw
from tests.servers import ministack


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 server of this test session; each test makes a bucket of its own."""
    with ministack() as url:
        yield url


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """A Ceph object gateway of this test session; each test makes a bucket of its own."""
    if reason := missing():
        pytest.skip(reason)
    with radosgw() as running:
        yield running
