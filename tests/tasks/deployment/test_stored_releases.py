"""Releases of before releases named a workload: made by slimline at commit 1f5b2ac, and kept as they were."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tasks.deployment.device.client import fetch
from tasks.deployment.device.prediction import predict
from tasks.deployment.registry import current, releases
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import Registry, promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.smoke import smoke
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import Trust, load_trust
from tests.tasks.deployment.project import params_for, write_project

STORED = Path(__file__).with_name("stored") / "before_workloads"
WHY = Why("a reason", "alice")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    shutil.copytree(STORED / "store", tmp_path / "store")
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def trust() -> Trust:
    return load_trust([STORED / "keys"])


def test_it_is_listed_with_its_accuracy(store_url: str) -> None:
    (release,) = releases(open_store(store_url), "shades")
    assert (release.version, release.metrics, release.channels) == (1, {"accuracy": 0.75}, ("production", "staging"))


def test_it_is_fetched_verified_and_asked(store_url: str, trust: Trust, tmp_path: Path) -> None:
    assert fetch(store_url, "shades", "production", tmp_path / "device", trust=trust).version == 1
    Image.new("L", (9, 5), 10).save(tmp_path / "dark.png")
    (answer,) = predict(tmp_path / "device", [tmp_path / "dark.png"], trust)
    assert answer.label == "dark"


@pytest.fixture
def registry(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The store of a project of today, which trusts its own key and the one of then, and has released once more."""
    monkeypatch.chdir(tmp_path)
    params = params_for(store_url)
    trusted = params.deployment.trust.model_copy(update={"public_keys": ("local", str(STORED / "keys"))})
    settings = params.deployment.model_copy(update={"trust": trusted})
    params = params.model_copy(update={"deployment": settings})
    write_project(params, bias=3.0)
    assert publish(params).version == 2
    return registry_of(settings)


def test_it_still_gives_its_recorded_answers_beside_a_release_of_today(registry: Registry) -> None:
    assert smoke(registry.store, "shades", 1, registry.trust).manifest.schema_version == 1
    assert smoke(registry.store, "shades", 2, registry.trust).manifest.schema_version == 2


def test_a_release_of_today_takes_its_place_and_a_rollback_brings_it_back(
    registry: Registry, store_url: str, tmp_path: Path
) -> None:
    pointer = current(registry.store, "shades", "production")
    assert pointer is not None
    assert (pointer.version, pointer.previous, pointer.replaces) == (2, 1, None)
    device = tmp_path / "device"
    assert fetch(store_url, "shades", "production", device, trust=registry.trust).version == 2
    back = rollback(registry, "production", WHY)
    assert (back.version, back.previous, back.kind) == (1, 2, "rollback")
    assert fetch(store_url, "shades", "production", device, trust=registry.trust).version == 1


def test_it_is_promoted_to_a_channel_that_is_new(registry: Registry, store_url: str, tmp_path: Path) -> None:
    promote(registry, 1, "staging", WHY)
    assert promote(registry, 1, "beta", WHY).version == 1
    assert fetch(store_url, "shades", "beta", tmp_path / "device", trust=registry.trust).version == 1
