"""Retention and serving over S3, once each: what they ask of a store is in the contract."""

import contextlib
from pathlib import Path

from tasks.config import Params, Retention
from tasks.deployment.device.client import fetch
from tasks.deployment.registry import releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.retention import clean
from tasks.deployment.stores.opening import open_store
from tests.tasks.deployment.project import params_for, trust_of, write_project
from tests.tasks.deployment.releases.test_serving import export


def test_old_releases_go_and_the_channel_is_served(s3_url: str, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with contextlib.chdir(tmp_path / "project"):
        params: Params = params_for(s3_url)
        params = params.model_copy(
            update={"deployment": params.deployment.model_copy(update={"serving": True, "staging": None})}
        )
        for bias in (11, 12, 13):
            write_project(params, bias)
            export(str(bias).encode())
            publish(params)
        store = open_store(s3_url)
        assert [fate.version for fate in clean(store, "shades", Retention(keep=1)) if fate.goes] == [1]
        assert [release.version for release in releases(store, "shades")] == [3, 2]
        assert fetch(s3_url, "shades", "production", tmp_path / "device", trust_of(params)).version == 3
        assert not fetch(s3_url, "shades", "production", tmp_path / "device", trust_of(params)).changed
    served = {entry.key.split("/")[2] for entry in store.list("serving/shades")}
    assert served == {"2", "3"}
    assert store.get("serving/shades/3/variables/variables.index").content == b"13"
