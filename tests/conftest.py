"""What all tests share."""

from collections.abc import Iterator

import pytest

from tests.servers import ministack


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of an S3 server of this test session; each test makes a bucket of its own."""
    with ministack() as url:
        yield url
