from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.device.client import fetch
from tasks.deployment.records import MANIFEST
from tasks.deployment.registry import current, read_manifest, release_key
from tasks.deployment.releases.countersigning import sign
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.keys import LOCAL_KEY, new_key, public_path
from tasks.deployment.trust.trusted import Trust, load_trust
from tasks.errors import ReleaseError, Untrusted


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def registry(project: Params) -> Registry:
    publish(project)
    return registry_of(project.deployment)


def test_a_key_is_changed_without_a_new_release_or_a_move(registry: Registry) -> None:
    url, old = registry.store.url, registry.trust
    assert fetch(url, "shades", "production", Path("device"), old).changed
    key = new_key(Path("next.pem"))
    new = load_trust([public_path(Path("next.pem"))])
    with pytest.raises(Untrusted):
        fetch(url, "shades", "production", Path("device"), new)
    before = current(registry.store, "shades", "production")
    sealed = sign(registry, 1, key)
    assert sealed.sha256 == read_manifest(registry.store, "shades", 1, new).sha256
    assert current(registry.store, "shades", "production") == before
    for trust in (old, new, load_trust([public_path(LOCAL_KEY), Path("next.pub")], revoked=list(old.keys))):
        assert fetch(url, "shades", "production", Path("device"), trust).version == 1


def test_signing_twice_changes_nothing(registry: Registry) -> None:
    key = new_key(Path("next.pem"))
    assert sign(registry, 1, key).envelope == sign(registry, 1, key).envelope


def test_what_nobody_trusted_has_signed_is_not_signed(registry: Registry) -> None:
    stranger = Registry(registry.store, registry.model, Trust(), registry.staging)
    with pytest.raises(Untrusted):
        sign(stranger, 1, new_key(Path("next.pem")))


def test_a_release_that_is_not_there_is_named(registry: Registry) -> None:
    with pytest.raises(ReleaseError, match="release 7 of shades"):
        sign(registry, 7, new_key(Path("next.pem")))


@pytest.mark.parametrize(("model", "version"), [("shades", 2), ("others", 1)])
def test_a_manifest_that_lies_at_anothers_place_is_not_signed(registry: Registry, model: str, version: int) -> None:
    place, envelope = release_key(model, version, MANIFEST), registry.store.get(release_key("shades", 1, MANIFEST))
    registry.store.put(place, envelope.content)
    asked = Registry(registry.store, model, registry.trust, registry.staging)
    with pytest.raises(ReleaseError, match=rf"to be about {model} {version}\. Received: shades 1"):
        sign(asked, version, new_key(Path("next.pem")))
    assert registry.store.get(place).content == envelope.content
