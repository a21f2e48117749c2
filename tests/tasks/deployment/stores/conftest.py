"""Every kind of store, fresh for each test."""

from pathlib import Path

import pytest


@pytest.fixture(params=["file", "ministack", "radosgw"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    return str(request.getfixturevalue("s3_url" if request.param == "ministack" else "radosgw_url"))
