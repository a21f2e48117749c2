"""A release of another task takes no release's place by itself, on no way into a channel."""

from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.records import Pointer
from tasks.deployment.registry import channel_key, current, encode, release_key
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.production import production, production_changed
from tasks.deployment.releases.promotion import Registry, promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish, upload
from tasks.deployment.releases.replacing import ReleaseTask, describe_difference
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.errors import ConfigError, ReleaseError
from tasks.evaluation.records import PRODUCTION_CONSENT, Consent
from tasks.records import read_record
from tests.tasks.deployment.project import decide, write_project

WHY = Why("a reason", "alice")
CHANNELS = ("staging", "production")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


def naming(params: Params, replaces: str | None, **more: object) -> Params:
    deployment = params.deployment.model_copy(update={"replaces": replaces, **more})
    return params.model_copy(update={"deployment": deployment})


def write_other(params: Params, bias: float, old: str = '"light"', new: str = '"bright"') -> None:
    """A project of other classes, the data set's record alone being changed."""
    write_project(params, bias)
    dataset = Path("data/prepared/dataset.json")
    dataset.write_text(dataset.read_text().replace(old, new))
    decide(params)


def pointed(params: Params, channel: str = "production") -> int | None:
    registry = registry_of(params.deployment)
    pointer = current(registry.store, registry.model, channel)
    return pointer.version if pointer else None


def moves(params: Params, channel: str = "production") -> list[tuple[int, int | None]]:
    registry = registry_of(params.deployment)
    return [(move.version, move.replaces) for move in trail(registry.store, registry.model, channel)]


@pytest.fixture
def released(project: Params) -> Params:
    """Release 1 is in staging and in production."""
    publish(project)
    return project


def test_no_channel_moves_to_a_release_of_another_task(released: Params) -> None:
    write_other(released, 2)
    with pytest.raises(
        ReleaseError, match=r"another task: it knows other classes \(dark, bright; before: dark, light\)"
    ):
        publish(released)
    assert [pointed(released, channel) for channel in CHANNELS] == [1, 1]


def test_the_two_ways_out_are_named(released: Params) -> None:
    write_other(released, 2)
    with pytest.raises(ReleaseError) as caught:
        publish(released)
    assert "deployment.model" in str(caught.value)
    assert "deployment.replaces: 1" in str(caught.value)
    assert "--replaces 1" in str(caught.value)
    other = naming(released, None, model="others")
    write_other(other, 2)
    assert publish(other).channels == CHANNELS


def test_a_consent_counts_for_the_release_that_it_names_and_is_recorded(released: Params) -> None:
    params = naming(released, "1")
    write_other(params, 2)
    assert publish(params).channels == CHANNELS
    assert moves(params) == [(2, 1), (1, None)]
    assert moves(params, "staging") == [(2, 1), (1, None)]


@pytest.mark.parametrize("form", ["version", "generation", "digest"])
def test_a_release_is_named_by_version_generation_or_digest(released: Params, form: str) -> None:
    registry = registry_of(released.deployment)
    pointer = current(registry.store, "shades", "production")
    assert pointer
    named = {"version": "1", "generation": "1@1", "digest": pointer.manifest_sha256}[form]
    write_other(released, 2)
    assert publish(naming(released, named)).version == 2


@pytest.mark.parametrize("named", ["2", "1@2", "f" * 64])
def test_a_consent_that_names_another_release_counts_not(released: Params, named: str) -> None:
    write_other(released, 2)
    with pytest.raises(ReleaseError, match="another task"):
        publish(naming(released, named))


def test_a_consent_is_spent_by_one_release(released: Params) -> None:
    params = naming(released, "1")
    write_other(params, 2)
    publish(params)
    write_project(params, 3)  # the first task again
    with pytest.raises(ReleaseError, match="another task"):
        publish(params)
    rollback(registry_of(params.deployment), "production", WHY)
    promote(registry_of(naming(params, "2").deployment), 1, "staging", WHY)
    assert [pointed(params, channel) for channel in CHANNELS] == [1, 1]
    write_other(params, 4)
    with pytest.raises(ReleaseError, match="another task"):
        publish(params)  # release 1 is there again, but its place was taken once
    assert publish(naming(params, "1@3")).channels == CHANNELS


def test_a_consent_that_was_not_needed_is_spent_all_the_same(released: Params) -> None:
    params = naming(released, "1")
    write_project(params, 5)
    publish(params)
    assert moves(params) == [(2, None), (1, None)]
    rollback(registry_of(params.deployment), "production", WHY)
    production(params)
    consent = read_record(PRODUCTION_CONSENT, Consent)
    assert not consent.counts
    assert "counts no more, since release 2 has taken its place" in consent.sentence
    assert "1@3" in consent.sentence


def test_a_person_says_so_for_each_channel(released: Params) -> None:
    manual = naming(released, None)
    write_other(manual, 2)
    version = upload(manual, registry_of(manual.deployment)).version
    registry = registry_of(manual.deployment)
    with pytest.raises(ReleaseError, match="another task"):
        promote(registry, version, "staging", WHY)
    allowed = registry_of(naming(manual, "1").deployment)
    assert promote(allowed, version, "staging", WHY).replaces == 1
    with pytest.raises(ReleaseError, match="another task"):
        promote(registry, None, "production", WHY)
    assert promote(allowed, None, "production", WHY).replaces == 1


def test_a_consent_for_production_opens_the_way_through_staging(released: Params) -> None:
    manual = naming(released, None, approval="required")
    write_project(manual, 5)
    publish(manual)  # of the first task, and nobody has promoted it
    params = naming(manual, "1", approval="none")
    write_other(params, 3)
    assert publish(params).channels == CHANNELS
    assert moves(params, "staging")[0] == (3, 2)
    assert moves(params)[0] == (3, 1)


def test_a_rollback_across_a_consent_needs_none(released: Params) -> None:
    params = naming(released, "1")
    write_other(params, 2)
    publish(params)
    assert rollback(registry_of(released.deployment), "production", WHY).version == 1


@pytest.mark.parametrize("name", ["labels.json", "signature.json", "manifest.dsse.json"])
def test_a_release_that_does_not_say_what_it_is_for_is_replaced_by_a_consent_only(
    released: Params, store: Store, name: str
) -> None:
    write_project(released, 5)
    version = upload(released, registry_of(released.deployment)).version
    store.put(release_key("shades", 1, name), b"{}")
    with pytest.raises(ReleaseError, match="does not say what it is for"):
        promote(registry_of(released.deployment), version, "staging", WHY)
    assert promote(registry_of(naming(released, "1").deployment), version, "staging", WHY).replaces == 1


def test_any_other_channel_is_guarded_too(released: Params) -> None:
    registry = registry_of(released.deployment)
    promote(registry, 1, "canary", WHY)
    params = naming(released, "1")
    write_other(params, 2)
    publish(params)
    with pytest.raises(ReleaseError, match=r"canary points\. Received: another task"):
        promote(registry, 2, "canary", WHY)
    assert promote(registry_of(params.deployment), 2, "canary", WHY).replaces == 1


def test_a_channel_without_a_release_takes_any(project: Params) -> None:
    write_other(project, 2)
    assert upload(project, registry_of(project.deployment)).version == 1
    known = registry_of(project.deployment)
    straight = Registry(known.store, known.model, known.trust, staging=None)
    assert promote(straight, 1, "fresh", WHY).replaces is None


SHAPE, UINT8 = {"": (8, 8, 1)}, {"": "uint8"}


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        (ReleaseTask("image", "classes", ("a", "b"), SHAPE, UINT8), None),
        (
            ReleaseTask("image", "classes", ("b", "a"), SHAPE, UINT8),
            "the same classes in another order (b, a; before: a, b)",
        ),
        (ReleaseTask("image", "classes", ("a", "c"), SHAPE, UINT8), "other classes (a, c; before: a, b)"),
        (
            ReleaseTask("image", "classes", ("a", "b", "c"), SHAPE, UINT8),
            "other classes (a, b, c; before: a, b)",
        ),
        (
            ReleaseTask("image", "classes", ("a", "b"), {"": (8, 9, 1)}, UINT8),
            "samples of (8, 9, 1), before: (8, 8, 1)",
        ),
        (
            ReleaseTask("image", "classes", ("a", "b"), {"": (8, 8, 3)}, UINT8),
            "samples of (8, 8, 3), before: (8, 8, 1)",
        ),
        (ReleaseTask("image", "classes", ("a", "b"), SHAPE, {"": "float32"}), "samples as float32, before: uint8"),
        (ReleaseTask("image", "ratings", (), SHAPE, UINT8), "its outcome is ratings, before: classes"),
        (ReleaseTask("own:Kind", "classes", ("a", "b"), SHAPE, UINT8), "its workload is own:Kind, before: image"),
    ],
)
def test_tasks_differ_by_classes_order_shape_and_type(mine: ReleaseTask, words: str | None) -> None:
    said = describe_difference(ReleaseTask("image", "classes", ("a", "b"), SHAPE, UINT8), mine)
    assert (said is None) == (words is None)
    assert words is None or words in (said or "")


def test_the_stage_production_says_whether_the_consent_counts(released: Params) -> None:
    production(released)
    assert not PRODUCTION_CONSENT.exists()
    assert not production_changed(released, open_store(released.deployment.store))
    params = naming(released, "1")
    assert production_changed(params, open_store(params.deployment.store))
    production(params)
    assert read_record(PRODUCTION_CONSENT, Consent) == Consent(
        counts=True, sentence="deployment.replaces: 1 lets this model take its place, once."
    )
    assert not production_changed(params, open_store(params.deployment.store))
    write_project(params, 5)
    publish(params)
    production(params)
    assert not read_record(PRODUCTION_CONSENT, Consent).counts
    production(released)
    assert not PRODUCTION_CONSENT.exists()


def test_a_move_without_a_consent_is_stored_as_ever(released: Params, store: Store) -> None:
    content = store.get(channel_key("shades", "production")).content
    assert b"replaces" not in content
    assert encode(Pointer.model_validate_json(content)) == content


def test_data_of_ones_own_is_not_uploaded_under_a_built_ins_name(project: Params, store: Store) -> None:
    data = project.data.model_copy(update={"source": "photos/"})
    params = naming(project, None, model="digits").model_copy(update={"data": data})
    write_project(params)
    with pytest.raises(ConfigError, match="name your model"):
        upload(params, registry_of(params.deployment))
    assert list(store.list("models")) == []
