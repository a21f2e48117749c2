"""The ways of releases, and what holds them back; the store does not matter for that, so the quick one will do."""

import base64
from pathlib import Path

import pytest

from tasks.config import Params, Trusted
from tasks.deployment.registry import current
from tasks.deployment.releases import promotion
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.promotion import registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.release_state import already_released, already_staged, rolled_back_reason
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import LOCAL_KEY, new_key, read_private
from tasks.errors import ReleaseError, Untrusted
from tests.tasks.deployment.project import write_project


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


def manual(params: Params) -> Params:
    deployment = params.deployment.model_copy(update={"approval": "required"})
    return params.model_copy(update={"deployment": deployment})


def test_where_a_person_promotes_a_release_waits_in_staging(project: Params, store: Store) -> None:
    params = manual(project)
    assert already_staged(params, registry_of(params.deployment)) is None
    assert publish(params).channels == ("staging",)
    assert current(store, "shades", "production") is None
    assert already_released(params, registry_of(params.deployment)) is None
    staged = already_staged(params, registry_of(params.deployment))
    assert staged
    assert staged.version == 1


def test_a_move_says_who_when_and_why(project: Params, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMLINE_ACTOR", "alice")
    publish(project)
    (move,) = trail(store, "shades", "production")
    assert (move.moved_by, move.reason, move.kind) == ("alice", "float32: PASS.", "promote")


def test_a_model_that_was_taken_back_is_not_released_again_by_itself(project: Params, store: Store) -> None:
    for bias in (1, 2):
        write_project(project, bias)
        publish(project)
    registry = promotion.registry_of(project.deployment)
    promotion.rollback(registry, "production", Why("it answers nonsense.", "alice"))
    write_project(project, bias=2)
    reason = rolled_back_reason(project, registry_of(project.deployment))
    assert reason
    assert "alice took back" in reason
    assert "it answers nonsense." in reason
    with pytest.raises(ReleaseError, match="release 2, which alice took back"):
        publish(project)
    write_project(project, bias=3)
    assert publish(project).version == 3  # another model may
    write_project(project, bias=2)
    assert rolled_back_reason(project, registry_of(project.deployment)) is None


def test_a_release_that_the_project_does_not_trust_reaches_no_channel(project: Params, store: Store) -> None:
    new_key(Path("other.pem"))
    deployment = project.deployment.model_copy(update={"signing_key": "other.pem"})
    with pytest.raises(Untrusted, match="to be signed by a trusted key"):
        publish(project.model_copy(update={"deployment": deployment}))
    assert current(store, "shades", "staging") is None


def test_an_unsigned_release_is_published_only_where_that_is_said(project: Params, store: Store) -> None:
    unsigned = project.deployment.model_copy(update={"signing_key": None})
    with pytest.raises(Untrusted, match="no signature"):
        publish(project.model_copy(update={"deployment": unsigned}))
    said = unsigned.model_copy(update={"trust": Trusted(allow_unsigned=True)})
    assert publish(project.model_copy(update={"deployment": said})).channels == ("staging", "production")
    with pytest.raises(Untrusted):
        already_released(project, registry_of(project.deployment))


def test_the_private_key_is_nowhere_in_the_store(project: Params, store: Store) -> None:
    publish(project)
    pem = LOCAL_KEY.read_bytes()
    key = read_private(LOCAL_KEY).private_bytes_raw()
    secrets = (pem.splitlines()[1], key, key.hex().encode(), base64.b64encode(key))
    for entry in store.list("models"):
        content = store.get(entry.key).content
        assert not any(secret in content for secret in secrets)
