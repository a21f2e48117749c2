"""SIGKILL at random moments: whatever moment it is, what is left is whole and the next try succeeds."""

import random
import shutil
from functools import partial
from pathlib import Path

import pytest

from tasks.config import Params, Retention
from tasks.deployment.device.client import fetch
from tasks.deployment.device.downloading import download, verify
from tasks.deployment.registry import read_manifest, releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.retention import clean
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import ANYBODY
from tests.tasks.deployment.killing import KILLS, kill_within, seconds_of
from tests.tasks.deployment.project import trust_of, write_project
from tests.web import serving


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_a_fetch_killed_at_random_leaves_a_verified_release(project: Params, tmp_path: Path, scheme: str) -> None:
    publish(project)
    trust, device = trust_of(project), tmp_path / "device"
    with serving(tmp_path / "store") as web:
        url = project.deployment.store if scheme == "file" else web.url
        fetch(url, "shades", "production", tmp_path / "before", trust)
        write_project(project, bias=3)
        publish(project)
        work = partial(fetch, url, "shades", "production", device, trust)

        def begin() -> None:
            shutil.rmtree(device, ignore_errors=True)
            shutil.copytree(tmp_path / "before", device, symlinks=True)

        begin()
        longest, chance, died, found = seconds_of(work), random.Random(scheme), 0, {1: 0, 2: 0}
        while died < KILLS:
            begin()
            died += kill_within(work, chance.uniform(0, longest))
            found[verify(device / "current", trust).manifest.version] += 1
            assert fetch(url, "shades", "production", device, trust).version == 2
            assert verify(device / "current", ANYBODY).manifest.version == 2
            assert not list(device.glob(".partial-*"))
    print(f"{scheme}: {died} kills within {longest:.3f} s; releases found after them: {found}")
    assert found[1]


def clean_all(url: str) -> None:
    list(clean(open_store(url), "shades", Retention(keep=2)))


@pytest.mark.slow
def test_a_removal_killed_at_random_leaves_whole_releases(project: Params, tmp_path: Path) -> None:
    url = project.deployment.store
    store = open_store(url)
    for bias in (11, 12, 13, 14):
        write_project(project, bias)
        publish(project)
    trust = trust_of(project)
    shutil.copytree(tmp_path / "store", tmp_path / "full")

    def begin() -> None:
        shutil.rmtree(tmp_path / "store")
        shutil.copytree(tmp_path / "full", tmp_path / "store")

    work = partial(clean_all, url)
    longest, chance, died, found = seconds_of(work), random.Random(1), 0, dict.fromkeys((2, 3, 4), 0)
    while died < KILLS:
        begin()
        died += kill_within(work, chance.uniform(0, longest))
        listed = [release.version for release in releases(store, "shades")]
        assert listed[:2] == [4, 3]
        found[len(listed)] += 1
        for version in listed:
            download(store, read_manifest(store, "shades", version, trust), tmp_path / "copy")
            shutil.rmtree(tmp_path / "copy")
        work()
        assert [release.version for release in releases(store, "shades")] == [4, 3]
        left = {entry.key.rpartition("/")[2][:7] for entry in store.list("models/shades/releases/1")}
        assert left == {"retired"}
    print(f"{died} kills within {longest:.3f} s; releases found after them, by number: {found}")
    assert fetch(url, "shades", "production", tmp_path / "device", trust).version == 4
    assert found[4]
