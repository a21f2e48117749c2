"""Every kind of store, fresh for each test."""

from pathlib import Path

import botocore.retries.standard
import pytest


@pytest.fixture(params=["file", "ministack", "radosgw"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "file":
        return f"file://{tmp_path / 'store'}"
    return str(request.getfixturevalue("s3_url" if request.param == "ministack" else "radosgw_url"))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hardly before a request is made again."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0.01)
