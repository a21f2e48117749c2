"""Releases of before releases named a workload: made by slimline at commit 1f5b2ac, and kept as they were."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tasks.deployment.device.client import fetch
from tasks.deployment.device.prediction import predict
from tasks.deployment.registry import releases
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import Trust, load_trust

STORED = Path(__file__).with_name("stored") / "before_workloads"


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
