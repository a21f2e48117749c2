"""A network that drops, delays, truncates and answers 500 or 503: a release is right, or there is a clear error."""

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import botocore.retries.standard
import pytest

from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.device.client import fetch
from tasks.deployment.device.downloading import download
from tasks.deployment.registry import current, read_manifest, releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.errors import ConfigError, SlimlineError, Untrusted
from tests.relay import Faults, relay
from tests.tasks.deployment.project import trust_of, write_project

SHARE = 0.2  # of the requests


@pytest.fixture(params=["ministack", "radosgw"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty store on a server."""
    return str(request.getfixturevalue("s3_url" if request.param == "ministack" else "radosgw_url"))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait hardly before a request is made again."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0.01)


def publish_many(project: Params, store: Store, folder: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Publish through a bad network, look through a good one; what became of it, for people."""
    faults, ends = Faults(SHARE, seed=7), Counter[str]()
    standing = 0
    with relay(os.environ["AWS_ENDPOINT_URL"], faults) as endpoint:
        for turn in range(1, times + 1):
            write_project(project, bias=float(turn))
            with monkeypatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL", endpoint)
                end = attempt(project)
            ends["released" if isinstance(end, int) else "clear error"] += 1
            pointer = current(store, "shades", "production")
            version = pointer.version if pointer else 0
            assert version >= standing
            if isinstance(end, int):
                assert version == end
            elif version > standing:
                ends["of these released all the same"] += 1
            if version > standing:
                got = fetch(project.deployment.store, "shades", "production", folder / "device", trust_of(project))
                assert got.version == version
                assert (got.path / "model.tflite").read_bytes() == candidate_model("float32").read_bytes()
            standing = version
            if not version:
                continue
            with monkeypatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL", endpoint)
                ends[read(project, folder / "another", version)] += 1
    for release in releases(store, "shades"):
        download(store, read_manifest(store, "shades", release.version, trust_of(project)), folder / "copy")
        shutil.rmtree(folder / "copy")
    return f"{dict(ends)}; requests: {dict(faults.seen)}"


def attempt(project: Params) -> int | str:
    """The release, or what went wrong."""
    try:
        return publish(project).version
    except SlimlineError as error:
        return told(error)


def read(project: Params, to: Path, version: int) -> str:
    """The answers that a device on the bad network gets."""
    try:
        assert fetch(project.deployment.store, "shades", "production", to, trust_of(project)).version == version
    except SlimlineError as error:
        return f"fetch: {type(error).__name__}" if told(error) else ""
    return "fetched"


def told(error: Exception) -> str:
    """The body, which has to be complete."""
    message = str(error)
    assert re.search(r"^Expected .* Received: \S", message, re.DOTALL), message
    assert not isinstance(error, Untrusted | ConfigError), message
    return message


def test_a_bad_network_makes_no_wrong_release(
    project: Params, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(publish_many(project, store, tmp_path, 3, monkeypatch))


@pytest.mark.slow
def test_a_bad_network_makes_no_wrong_release_in_many_tries(
    project: Params, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came_of_it = publish_many(project, store, tmp_path, 100, monkeypatch)
    print(came_of_it)
    assert "'released'" in came_of_it
    assert "'fetched'" in came_of_it


def test_a_large_file_gets_through_a_bad_network_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_bytes(os.urandom(20 << 20))
    with relay(os.environ["AWS_ENDPOINT_URL"], Faults(SHARE, seed=3)) as endpoint, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        far = open_store(store.url)
        try:
            far.put_file("file", file)
            far.read_to("file", back, 20 << 20)
        except SlimlineError as error:
            told(error)
            return
    assert back.read_bytes() == file.read_bytes()
