import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasks.compression.records import candidate_model
from tasks.config import Params
from tasks.deployment.device.client import fetch
from tasks.deployment.device.prediction import predict
from tasks.deployment.records import PACKED
from tasks.deployment.registry import current, release_key, releases
from tasks.deployment.releases import promotion
from tasks.deployment.releases.channels import trail
from tasks.deployment.releases.promotion import registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.release_state import already_released
from tasks.deployment.releases.smoke import smoke
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import new_key
from tasks.errors import Conflict, ReleaseError, Untrusted
from tasks.evaluation.records import DECISION, GATE
from tasks.packing.zstd import compress_zstd
from tasks.workloads.outcomes.classes.measuring import ClassPrediction
from tests.tasks.deployment.interrupted import CONDITIONAL, Interrupted
from tests.tasks.deployment.killing import killed
from tests.tasks.deployment.project import CLASSES, RECIPE, trust_of, write_project

MANIFEST_WRITE = (
    11  # after the number and ten files; then, for either channel, the last move on the trail, the move, the trail
)


def publish_next(params: Params, bias: float) -> int:
    write_project(params, bias)
    return publish(params).version


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_published_is_fetched_and_answers(project: Params, store: Store, tmp_path: Path, packed: bool) -> None:
    write_project(project, packed=packed)
    release = publish(project, commit="c" * 40, dirty=True)
    assert (release.version, release.recipe, release.metrics, release.channels) == (
        1,
        RECIPE,
        {"accuracy": 0.75, "precision": 0.875, "recall": 0.75, "f1": 0.76},
        ("staging", "production"),
    )
    device = tmp_path / "device"
    fetched = fetch(project.deployment.store, "shades", "production", device, trust_of(project))
    assert (fetched.version, fetched.changed) == (1, True)
    stored = store.get(release_key("shades", 1, PACKED)).content
    assert stored.startswith(b"SL" if packed else b"\x28\xb5\x2f\xfd")
    assert len(stored) == release.stored_bytes <= len(compress_zstd(candidate_model(RECIPE).read_bytes()))
    assert release.loaded_bytes == candidate_model(RECIPE).stat().st_size
    assert (device / "current/model.tflite").read_bytes() == candidate_model(RECIPE).read_bytes()
    Image.new("RGB", (20, 10), (250, 250, 250)).save(tmp_path / "image.png")
    (answer,) = predict(device, [tmp_path / "image.png"], trust_of(project))
    assert answer.label == "light"
    assert isinstance(answer, ClassPrediction)
    assert tuple(answer.scores) == CLASSES


def test_each_release_takes_the_next_number_and_the_channel(project: Params, store: Store) -> None:
    assert [publish_next(project, bias) for bias in (1, 2, 3)] == [1, 2, 3]
    pointer = current(store, "shades", "production")
    assert pointer
    assert (pointer.version, pointer.generation) == (3, 3)
    assert [(release.version, release.channels) for release in releases(store, "shades")] == [
        (3, ("production", "staging")),
        (2, ()),
        (1, ()),
    ]


@pytest.mark.parametrize("outcome", ["FAIL", "INCONCLUSIVE", "NO_BASELINE"])
def test_what_did_not_pass_the_gate_is_not_published(project: Params, store: Store, outcome: Any) -> None:
    write_project(project, outcome=outcome)
    with pytest.raises(ReleaseError, match=f"Received: {outcome}"):
        publish(project)
    assert list(store.list("models")) == []


def test_a_model_changed_after_the_gate_is_not_published(project: Params, store: Store) -> None:
    model = candidate_model(RECIPE)
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(ReleaseError, match="changed after the gate"):
        publish(project)
    assert list(store.list("models")) == []


def test_records_of_another_model_are_not_published(project: Params) -> None:
    decided = {path: path.read_bytes() for path in (GATE, DECISION)}
    write_project(project, bias=7)
    for path, content in decided.items():
        path.write_bytes(content)
    with pytest.raises(ReleaseError, match=r"candidate\.json to be of the model that passed the gate"):
        publish(project)


def test_publishing_again_changes_nothing(project: Params, store: Store) -> None:
    assert already_released(project, registry_of(project.deployment)) is None
    first = publish(project)
    before = list(store.list("models"))
    again = first.model_copy(update={"channels": ("production",)})
    assert publish(project) == again == already_released(project, registry_of(project.deployment))
    assert list(store.list("models")) == before


def test_the_same_model_with_other_classes_is_another_release(project: Params) -> None:
    publish(project)
    dataset = Path("data/prepared/dataset.json")
    dataset.write_text(dataset.read_text().replace('"light"', '"bright"'))
    assert already_released(project, registry_of(project.deployment)) is None


def test_a_channel_moved_since_the_comparison_is_left_alone(project: Params, store: Store) -> None:
    write_project(project, bias=1)
    compared = Path("models/production/production.json").read_bytes()
    publish(project)
    write_project(project, bias=2)
    Path("models/production/production.json").write_bytes(compared)
    with pytest.raises(Conflict, match=r"point to no release.*Received: release 1, moved there at"):
        publish(project)
    assert [release.version for release in releases(store, "shades")] == [1]


def test_a_reader_never_sees_half_a_release(project: Params, tmp_path: Path) -> None:
    store, ended, seen = project.deployment.store, threading.Event(), []
    publish_next(project, 1)
    trust = trust_of(project)

    def read() -> None:
        last = False
        while not last:
            last = ended.is_set()
            seen.append(fetch(store, "shades", "production", tmp_path / "device", trust).version)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for bias in (2, 3):
            publish_next(project, bias)
    finally:
        ended.set()
        reader.join()
    assert seen == sorted(seen)
    assert seen[-1] == 3


def publish_up_to(params: Params, write: int) -> None:
    store = Interrupted(open_store(params.deployment.store), write, {*CONDITIONAL, "put_file"})
    vars(promotion)["open_store"] = lambda _: store
    publish(params)


def pointed(store: Store, channel: str) -> int:
    pointer = current(store, "shades", channel)
    assert pointer
    return pointer.version


def test_a_publisher_killed_at_any_write_leaves_both_channels_whole(project: Params, store: Store) -> None:
    publish_next(project, 1)
    write_project(project, bias=2)
    trust = trust_of(project)
    for write, staging, production in (
        (0, 1, 1),  # before it had a number
        (5, 1, 1),
        (MANIFEST_WRITE, 1, 1),
        (MANIFEST_WRITE + 1, 1, 1),
        (MANIFEST_WRITE + 2, 1, 1),
        (MANIFEST_WRITE + 3, 6, 1),  # between the move and its copy on the trail; what is staged is gone on with
        (0, 6, 1),
        (1, 6, 1),
        (2, 6, 6),
    ):
        assert killed(partial(publish_up_to, project, write))
        assert (pointed(store, "staging"), pointed(store, "production")) == (staging, production)
        for version in {staging, production}:
            smoke(store, "shades", version, trust)
    release = publish(project)
    assert (release.version, release.channels) == (6, ("production",))
    for channel in ("staging", "production"):
        assert [(move.generation, move.version, move.previous) for move in trail(store, "shades", channel)] == [
            (2, 6, 1),
            (1, 1, None),
        ]


def test_a_release_that_was_not_finished_does_not_exist(project: Params, store: Store) -> None:
    assert killed(partial(publish_up_to, project, MANIFEST_WRITE))
    assert store.get(release_key("shades", 1, "labels.json"))
    assert releases(store, "shades") == []


def test_a_key_that_the_project_does_not_trust_uploads_nothing(project: Params, store: Store, tmp_path: Path) -> None:
    new_key(tmp_path / "other.pem")
    stranger = project.deployment.model_copy(update={"signing_key": str(tmp_path / "other.pem")})
    with pytest.raises(Untrusted, match="a release of shades to be signed by a trusted key"):
        publish(project.model_copy(update={"deployment": stranger}))
    assert list(store.list("models")) == []
