"""Both stores, fresh for each test, and a project whose candidate passed the gate."""

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.s3.connection import connect
from tests.radosgw import Gateway
from tests.servers import ANYBODY
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a prefix in an empty bucket; the settings also reach the processes of a test."""
    return new_bucket(monkeypatch, ANYBODY | {"AWS_ENDPOINT_URL": s3_endpoint})


@pytest.fixture
def radosgw_url(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same on a Ceph object gateway."""
    return new_bucket(monkeypatch, gateway.settings())


def new_bucket(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> str:
    for name, value in {**settings, "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    bucket = f"test-{uuid.uuid4()}"
    connect().create_bucket(Bucket=bucket)
    return f"s3://{bucket}/some/prefix"


@pytest.fixture(params=["file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return f"file://{tmp_path / 'store'}" if request.param == "file" else str(request.getfixturevalue("s3_url"))


@pytest.fixture
def store(store_url: str) -> Store:
    """The store itself."""
    return open_store(store_url)


@pytest.fixture
def project(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The params of a project in the working folder, ready for its first release."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    params = params_for(store_url)
    write_project(params)
    return params
