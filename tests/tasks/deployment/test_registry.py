import pytest

from tasks.config import Params
from tasks.deployment.records import MANIFEST
from tasks.deployment.registry import channel_key, channels, claim, current, read_manifest, release_key, releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ReleaseError
from tests.tasks.deployment.project import trust_of, write_project


def test_numbers_are_given_once_and_in_order(store: Store) -> None:
    assert [claim(store, "digits") for _ in range(11)] == list(range(1, 12))
    assert claim(store, "others") == 1


def test_a_number_without_a_manifest_is_no_release(store: Store) -> None:
    version = claim(store, "digits")
    assert releases(store, "digits") == []
    with pytest.raises(ReleaseError, match=f"Expected release {version} of digits"):
        read_manifest(store, "digits", version, ANYBODY)


def test_a_channel_that_was_never_moved_points_nowhere(store: Store) -> None:
    assert current(store, "digits", "production") is None


def test_a_release_lists_every_channel_that_points_to_it(project: Params, store: Store) -> None:
    release = publish(project)
    (listed,) = releases(store, "shades")
    assert listed.channels == ("production", "staging")
    assert listed.model_copy(update={"channels": ("staging", "production")}) == release


def test_what_is_no_pointer_is_refused(store: Store) -> None:
    for content in (b"", b"{}", b'{"version": "../1"}', b"\xff"):
        store.put(channel_key("digits", "production"), content)
        with pytest.raises(ReleaseError, match="to be a Pointer"):
            current(store, "digits", "production")


def test_a_manifest_of_another_version_is_refused(project: Params, store: Store) -> None:
    publish(project)
    store.put(release_key("shades", 7, MANIFEST), store.get(release_key("shades", 1, MANIFEST)).content)
    with pytest.raises(ReleaseError, match=r"to be about shades 7\. Received: shades 1"):
        read_manifest(store, "shades", 7, ANYBODY)


def test_a_manifest_names_what_the_release_was_made_from(project: Params, store: Store) -> None:
    write_project(project)
    publish(project, commit="c" * 40, dirty=False)
    sealed = read_manifest(store, "shades", 1, trust_of(project))
    manifest = sealed.manifest
    assert (manifest.commit, manifest.dirty, manifest.data.source) == ("c" * 40, False, "d" * 64)
    assert manifest.versions == {"tensorflow": "2.21.0", "tf_keras": "2.21.0"}
    assert {"params.yaml", "dvc.lock", "gate.json", "metrics.json", "model_card.md"} < set(manifest.files)
    assert manifest.schema_version == 2


def test_what_else_lies_among_releases_and_channels_does_not_count(project: Params, store: Store) -> None:
    for key in ("models/shades/releases/notes.txt", "models/shades/releases/old/model", "models/shades/channels/notes"):
        store.put(key, b"somebody's")
    assert publish(project).version == 1
    assert [release.version for release in releases(store, "shades")] == [1]
    assert {name for name, _ in channels(store, "shades")} == {"staging", "production"}
    assert publish_again(project) == 2


def publish_again(project: Params) -> int:
    write_project(project, bias=7.0)
    return publish(project).version
