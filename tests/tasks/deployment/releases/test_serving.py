import json
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config import Params
from tasks.deployment.approvals.approving import approve
from tasks.deployment.approvals.waiting import Terms
from tasks.deployment.device.client import fetch
from tasks.deployment.records import Pointer
from tasks.deployment.registry import Sealed, current, read_manifest, release_key
from tasks.deployment.releases import promotion, publishing, serving
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.serving import serve
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ReleaseError
from tasks.records import write_record
from tasks.training.records import SAVED_MODEL, SERVING, ServingReport
from tests.tasks.deployment.interrupted import Interrupted
from tests.tasks.deployment.killing import killed
from tests.tasks.deployment.project import trust_of, write_project

FILES = {
    "saved_model.pb": b"graph",
    "variables/variables.index": b"index",
    "variables/variables.data-00000-of-00001": b"",
}
WHY = Why("a test", "Ada")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def asked(project: Params) -> Params:
    """A project whose params ask for a SavedModel, which the stage has exported."""
    export(b"first")
    return project.model_copy(update={"deployment": project.deployment.model_copy(update={"serving": True})})


def export(index: bytes, weights: str = "b" * 64) -> None:
    """The folder that the stage leaves, with a telling file in it."""
    for name, content in {**FILES, "variables/variables.index": index}.items():
        (SAVED_MODEL / name).parent.mkdir(parents=True, exist_ok=True)
        (SAVED_MODEL / name).write_bytes(content)
    write_record(SERVING, ServingReport(weights_sha256=weights))


def release_next(params: Params, bias: float) -> None:
    write_project(params, bias)
    export(f"of {bias}".encode())
    publish(params)


def served(tmp_path: Path) -> dict[int, bytes]:
    """The numbers that TensorFlow Serving finds under its base path with a saved_model.pb, and the model of each."""
    base = tmp_path / "store" / "serving" / "shades"
    folders = [folder for folder in base.iterdir() if folder.name.isdecimal() and (folder / "saved_model.pb").exists()]
    return {int(folder.name): (folder / "variables/variables.index").read_bytes() for folder in folders}


def test_a_release_is_served_under_a_number_once_its_channel_has_moved(
    asked: Params, store: Store, tmp_path: Path
) -> None:
    publish(asked)
    assert served(tmp_path) == {1: b"first"}
    about = json.loads((tmp_path / "store/serving/shades/1/assets.extra/release.json").read_text())
    assert (about["model"], about["release"]) == ("shades", 1)
    for name, content in FILES.items():
        if "index" not in name:
            assert store.get(f"serving/shades/1/{name}").content == content


def test_a_rollback_is_the_highest_number(asked: Params, tmp_path: Path) -> None:
    release_next(asked, 11)
    release_next(asked, 12)
    assert served(tmp_path) == {1: b"of 11", 2: b"of 12"}
    rollback(registry_of(asked.deployment), "production", WHY)
    assert served(tmp_path) == {2: b"of 12", 3: b"of 11"}  # and no older one


def test_devices_take_none_of_it(asked: Params, tmp_path: Path) -> None:
    publish(asked)
    folder = fetch(asked.deployment.store, "shades", "production", tmp_path / "device", trust_of(asked)).path
    assert "saved_model.pb" not in {path.name for path in folder.rglob("*")}


def test_nothing_is_served_unless_params_ask_for_it(project: Params, store: Store) -> None:
    export(b"first")
    publish(project)
    assert list(store.list("serving")) == []
    pointer, release = last(store)
    assert serve(store, pointer, release) is None


def test_what_waits_in_staging_is_not_served(asked: Params, store: Store) -> None:
    manual = asked.deployment.model_copy(update={"approval": "required"})
    publish(asked.model_copy(update={"deployment": manual}))
    assert list(store.list("serving")) == []
    approve(registry_of(manual), 1, Terms(WHY, "a test", 3), datetime.now(UTC))
    assert [entry.key.split("/")[2] for entry in store.list("serving")] == ["1"] * 4


def test_an_export_of_another_baseline_is_not_released(asked: Params, store: Store) -> None:
    export(b"first", weights="c" * 64)
    with pytest.raises(ReleaseError, match=r"to be of the baseline with the weights b{64}"):
        publish(asked)
    shutil.rmtree(SAVED_MODEL)
    with pytest.raises(ReleaseError, match="dvc repro export"):
        publish(asked)


def test_a_changed_file_is_not_served(asked: Params, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "serve", lambda *_: None)
    publish(asked)
    store.put(release_key("shades", 1, "serving/variables/variables.index"), b"other")
    with pytest.raises(ReleaseError, match="SHA-256"):
        serve(store, *last(store))
    assert not any(entry.key.endswith("saved_model.pb") for entry in store.list("serving"))


def last(store: Store) -> tuple[Pointer, Sealed]:
    pointer = current(store, "shades", "production")
    assert pointer
    return pointer, read_manifest(store, "shades", pointer.version, ANYBODY)


def serve_up_to(url: str, step: int) -> None:
    store = open_store(url)
    fatal: Any = Interrupted(store, step, {"put_file", "put_if_absent"})
    serve(fatal, *last(store))


def test_a_copy_killed_at_any_file_is_not_loaded_and_ended_by_the_next(
    asked: Params, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "serve", lambda *_: None)
    publish(asked)
    for step in range(4):
        shutil.rmtree(tmp_path / "store/serving", ignore_errors=True)
        assert killed(partial(serve_up_to, asked.deployment.store, step))
        assert not (tmp_path / "store/serving/shades/1/saved_model.pb").exists()
    assert serve(store, *last(store)) == f"{asked.deployment.store}/serving/shades/1"
    assert served(tmp_path) == {1: b"first"}


def test_what_is_served_is_a_model_that_takes_raw_pixels(asked: Params, tiny: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    from tasks.training.serving import save_for_serving
    from tests.tasks.training.material import SHAPE, SPECS

    shutil.rmtree(SAVED_MODEL)
    save_for_serving(tiny, SPECS, SAVED_MODEL)
    publish(asked)
    loaded = tf.saved_model.load(str(tmp_path / "store" / serving.serving_folder("shades") / "1"))
    images = np.random.default_rng(1).integers(0, 256, (5, *SHAPE), np.uint8)
    logits = loaded.signatures["serving_default"](image=tf.constant(images))["logits"]
    np.testing.assert_allclose(logits.numpy(), tiny(images.astype(np.float32)).numpy(), rtol=1e-5, atol=1e-5)


def test_what_else_lies_there_is_left_alone(asked: Params, store: Store) -> None:
    others = ["serving/shades/models.config", "serving/shades/notes/readme.txt"]
    for key in others:
        store.put(key, b"somebody's")
    for bias in (1.0, 2.0, 3.0):
        release_next(asked, bias)
    assert all(store.get(key).content == b"somebody's" for key in others)
    assert {entry.key.split("/")[2] for entry in store.list("serving/shades")} == {"2", "3", "models.config", "notes"}


def test_no_channel_moves_to_a_release_whose_saved_model_is_damaged(asked: Params, store: Store) -> None:
    release_next(asked, 1.0)
    write_project(asked, 2.0)
    export(b"of 2.0")
    version = publishing.upload(asked, registry_of(asked.deployment)).version
    store.put(release_key("shades", version, "serving/variables/variables.index"), b"to 2.0")
    with pytest.raises(ReleaseError, match=r"variables\.index"):
        promotion.promote(registry_of(asked.deployment), version, "staging", WHY)
    pointer = current(store, "shades", "staging")
    assert pointer
    assert pointer.version == 1
