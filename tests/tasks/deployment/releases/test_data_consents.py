"""A consent to new data lets its model take the place of a release of other classes, once, and no other model."""

from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.registry import current
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.data_consents import consent_to, find_replacing, read_consent
from tasks.deployment.releases.production import production, production_changed
from tasks.deployment.releases.promotion import registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.errors import ConfigError, ReleaseError
from tasks.evaluation.production import find_absence
from tasks.evaluation.records import PRODUCTION_CONSENT, PRODUCTION_TFLITE, Consent
from tasks.samples import read_dataset
from tests.tasks.deployment.project import decide, write_project

WHY = Why("bright is what we call light now", "alice")
DIGEST = "ab" * 32
OTHER = ("bright", "dark")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def released(project: Params) -> Params:
    publish(project)
    return project


def write_other(params: Params, bias: float) -> None:
    """A project of other classes."""
    write_project(params, bias)
    dataset = Path("data/prepared/dataset.json")
    dataset.write_text(dataset.read_text().replace('"light"', '"bright"'))
    decide(params)


def say(params: Params, verdict: str = "approved", classes: tuple[str, ...] | None = OTHER) -> None:
    settings = params.deployment
    store = open_store(settings.store)
    consent_to(store, settings.model, settings.channel, DIGEST, classes, verdict, WHY)  # type: ignore[arg-type]


def gate_consent() -> Consent | None:
    absence = find_absence(PRODUCTION_TFLITE, read_dataset())
    assert absence is not None
    return absence.consent


def test_it_is_what_the_gate_and_the_channel_ask_for(released: Params) -> None:
    write_other(released, 2)
    with pytest.raises(ReleaseError, match="another task"):
        publish(released)
    say(released)
    assert production_changed(released, open_store(released.deployment.store))
    production(released)
    consent = gate_consent()
    assert consent
    assert consent.counts
    assert "alice has approved the data abababababab" in consent.sentence
    assert publish(released).channels == ("staging", "production")


def test_it_counts_once(released: Params) -> None:
    say(released)
    write_other(released, 2)
    publish(released)
    rollback(registry_of(released.deployment), "production", WHY)
    write_other(released, 3)
    with pytest.raises(ReleaseError, match="another task"):
        publish(released)
    production(released)
    assert not PRODUCTION_CONSENT.exists()


@pytest.mark.parametrize(
    ("verdict", "classes"), [("approved", ("dim", "dark")), ("approved", None), ("refused", OTHER)]
)
def test_it_counts_for_no_other_model_and_not_when_it_was_refused(
    released: Params, verdict: str, classes: tuple[str, ...] | None
) -> None:
    say(released, verdict, classes)
    write_other(released, 2)
    production(released)
    consent = gate_consent()
    assert consent
    assert not consent.counts
    with pytest.raises(ReleaseError, match="another task"):
        publish(released)


def test_the_last_word_counts(released: Params) -> None:
    settings = released.deployment
    store = open_store(settings.store)
    say(released)
    say(released, "refused")
    found, pointer = read_consent(store, settings.model, DIGEST), current(store, settings.model, settings.channel)
    assert found
    assert (found.verdict, found.by, found.reason) == ("refused", "alice", WHY.reason)
    assert pointer
    replacing = find_replacing(store, settings.model, settings.channel, pointer)
    assert replacing
    assert not replacing.counts
    assert find_replacing(store, settings.model, "staging", pointer) is None


def test_a_consent_where_nothing_is_released_yet_replaces_nothing(project: Params) -> None:
    say(project)
    found = read_consent(open_store(project.deployment.store), "shades", DIGEST)
    assert found
    assert found.replaces is None


def test_what_is_no_digest_is_no_name(project: Params) -> None:
    store = open_store(project.deployment.store)
    with pytest.raises(ConfigError, match="SHA-256"):
        consent_to(store, "shades", "production", "../x", None, "approved", WHY)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"digest": "../x"}'])
def test_what_cannot_be_understood_is_no_consent(released: Params, content: bytes) -> None:
    settings = released.deployment
    store = open_store(settings.store)
    for name in (DIGEST, "notes", "cd" * 32):
        store.put(f"models/{settings.model}/data/consents/{name}.json", content)
    store.put(f"models/{settings.model}/data/consents/readme", content)
    pointer = current(store, settings.model, settings.channel)
    assert pointer
    assert find_replacing(store, settings.model, settings.channel, pointer) is None
    with pytest.raises(ReleaseError, match=f"consents/{DIGEST}"):
        read_consent(store, settings.model, DIGEST)


def test_a_consent_under_another_name_counts_not(released: Params) -> None:
    say(released)
    settings = released.deployment
    store = open_store(settings.store)
    folder = f"models/{settings.model}/data/consents"
    store.put(f"{folder}/{'cd' * 32}.json", store.get(f"{folder}/{DIGEST}.json").content)
    store.delete(f"{folder}/{DIGEST}.json")
    pointer = current(store, settings.model, settings.channel)
    assert pointer
    assert find_replacing(store, settings.model, settings.channel, pointer) is None
