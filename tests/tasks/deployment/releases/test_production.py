import json
from pathlib import Path

import pytest

from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.registry import channel_key, release_key
from tasks.deployment.releases.production import production, production_changed
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.errors import ReleaseError
from tests.tasks.deployment.project import RECIPE, write_project

RECORD = Path("models/production/production.json")
MODEL = Path("models/production/model.tflite")


def test_without_a_release_all_is_null(project: Params) -> None:
    assert set(json.loads(RECORD.read_text()).values()) == {None}
    assert not MODEL.exists()
    assert not production_changed(project, open_store(project.deployment.store))


def test_the_release_in_the_channel_is_brought_here(project: Params) -> None:
    release = publish(project)
    assert production_changed(project, open_store(project.deployment.store))
    production(project)
    assert json.loads(RECORD.read_text()) == {
        "release": 1,
        "manifest_sha256": release.manifest_sha256,
        "classes": ["dark", "light"],
        "workload": "image",
        "outcome": "classes",
    }
    assert MODEL.read_bytes() == candidate_model(RECIPE).read_bytes()
    assert not production_changed(project, open_store(project.deployment.store))
    assert sorted(path.name for path in Path("models").iterdir()) == ["candidates", "production", "teachers"]


def test_what_is_here_is_not_fetched_again(project: Params, store: Store) -> None:
    publish(project)
    production(project)
    before = RECORD.read_bytes()
    store.delete(release_key("shades", 1, "model.stored"))
    production(project)
    assert RECORD.read_bytes() == before
    MODEL.write_bytes(b"damaged")
    with pytest.raises(ReleaseError, match="incomplete"):
        production(project)


def test_a_damaged_model_is_fetched_again(project: Params) -> None:
    publish(project)
    production(project)
    MODEL.write_bytes(b"damaged")
    production(project)
    assert MODEL.read_bytes() == candidate_model(RECIPE).read_bytes()


def test_the_next_release_takes_the_place_of_the_last(project: Params) -> None:
    publish(project)
    write_project(project, bias=3)
    publish(project)
    production(project)
    assert json.loads(RECORD.read_text())["release"] == 2
    assert MODEL.read_bytes() == candidate_model(RECIPE).read_bytes()


def test_a_store_without_the_channel_leaves_nothing_here(project: Params, store: Store) -> None:
    publish(project)
    production(project)
    store.delete(channel_key("shades", "production"))
    assert production_changed(project, open_store(project.deployment.store))
    production(project)
    assert json.loads(RECORD.read_text())["release"] is None
    assert not MODEL.exists()
