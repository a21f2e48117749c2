from pathlib import Path

import pytest

from tasks.config import Params
from tasks.deployment.records import SAMPLES
from tasks.deployment.registry import current, release_key
from tasks.deployment.releases.channels import Why, trail
from tasks.deployment.releases.promotion import Registry, promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ConfigError, NotStaged, ReleaseError, SlimlineError, Untrusted
from tests.tasks.deployment.project import write_project

WHY = Why("a reason", "alice")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Promotion and rollback; the tests of channels have what a move is to a store."""
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def registry(project: Params) -> Registry:
    """Three releases, each of which has been in staging and in production."""
    for bias in (1, 2, 3):
        write_project(project, bias)
        publish(project)
    return registry_of(project.deployment)


def pointed(registry: Registry, channel: str = "production") -> tuple[int, int]:
    pointer = current(registry.store, "shades", channel)
    assert pointer
    return pointer.version, pointer.generation


def test_a_channel_takes_only_what_staging_points_to(registry: Registry) -> None:
    with pytest.raises(NotStaged, match=r"release 1 of shades in staging.*Received: release 3"):
        promote(registry, 1, "production", WHY)
    assert pointed(registry) == (3, 3)
    promote(registry, 1, "staging", WHY)
    move = promote(registry, 1, "production", WHY)
    assert (move.version, move.previous, move.generation, move.kind) == (1, 3, 4, "promote")


def test_without_a_version_it_is_the_staged_one(registry: Registry) -> None:
    promote(registry, 2, "staging", WHY)
    assert promote(registry, None, "production", WHY).version == 2
    with pytest.raises(ReleaseError, match="Name one"):
        promote(registry, None, "staging", WHY)


def test_an_empty_staging_holds_everything_back(project: Params) -> None:
    with pytest.raises(NotStaged, match="Received: none"):
        promote(registry_of(project.deployment), 1, "production", WHY)


def test_a_project_without_staging_promotes_straight(registry: Registry) -> None:
    straight = Registry(registry.store, registry.model, registry.trust, staging=None)
    assert promote(straight, 1, "production", WHY).version == 1


def test_promoting_what_is_there_moves_nothing(registry: Registry) -> None:
    assert promote(registry, 3, "production", WHY).generation == 3
    assert pointed(registry) == (3, 3)


def test_a_rollback_is_a_move_forward_to_the_release_before(registry: Registry) -> None:
    move = rollback(registry, "production", WHY)
    assert (move.version, move.previous, move.generation, move.kind) == (2, 3, 4, "rollback")
    newest = next(trail(registry.store, "shades", "production"))
    assert (newest.reason, newest.moved_by) == ("a reason", "alice")


def test_rollbacks_go_ever_further_back_and_end_at_the_first(registry: Registry) -> None:
    assert [rollback(registry, "production", WHY).version for _ in range(2)] == [2, 1]
    with pytest.raises(ReleaseError, match="Received: none"):
        rollback(registry, "production", WHY)
    assert pointed(registry) == (1, 5)


def test_a_release_after_a_rollback_falls_back_to_what_it_replaced(registry: Registry) -> None:
    rollback(registry, "production", WHY)  # to 2
    promote(registry, 3, "production", WHY)
    assert rollback(registry, "production", WHY).version == 2
    assert rollback(registry, "production", WHY).version == 1


def test_a_rollback_may_name_a_release_that_the_channel_had(registry: Registry) -> None:
    assert rollback(registry, "production", WHY, to=1).version == 1
    with pytest.raises(ReleaseError, match="release 3 in the past"):
        rollback(registry, "production", WHY, to=3)


def test_an_empty_channel_has_nothing_to_go_back_to(project: Params) -> None:
    with pytest.raises(ReleaseError, match="Received: none"):
        rollback(registry_of(project.deployment), "production", WHY)


def test_no_channel_moves_to_what_nobody_trusted_has_signed(registry: Registry) -> None:
    stranger = Registry(registry.store, registry.model, Trust(), registry.staging)
    with pytest.raises(Untrusted):
        promote(stranger, 1, "staging", WHY)
    with pytest.raises(Untrusted):
        rollback(stranger, "production", WHY)
    assert (pointed(registry, "staging"), pointed(registry)) == ((3, 3), (3, 3))


@pytest.mark.parametrize("name", ["model.stored", "labels.json", SAMPLES])
def test_no_channel_moves_to_what_is_damaged_or_incomplete(registry: Registry, name: str) -> None:
    key = release_key("shades", 2, name)
    content = registry.store.get(key).content
    registry.store.put(key, content[:-3] + b"???")
    for broken in (True, False):
        if not broken:
            registry.store.delete(key)
        with pytest.raises(SlimlineError, match=name):
            promote(registry, 2, "staging", WHY)
        with pytest.raises(SlimlineError, match=name):
            rollback(registry, "production", WHY)
    assert (pointed(registry, "staging"), pointed(registry)) == ((3, 3), (3, 3))


def test_a_release_that_does_not_exist_is_named(registry: Registry) -> None:
    with pytest.raises(ReleaseError, match="release 7 of shades"):
        promote(registry, 7, "staging", WHY)


@pytest.mark.parametrize(
    ("reason", "by"), [("", "Ada"), ("  ", "Ada"), ("a" * 2001, "Ada"), ("a", ""), ("a", "b" * 201)]
)
def test_a_reason_that_the_trail_does_not_take_is_refused_before_any_work(reason: str, by: str) -> None:
    with pytest.raises(ConfigError, match="for the audit trail"):
        Why(reason, by)


def test_releases_are_numbered_from_1(registry: Registry) -> None:
    with pytest.raises(ReleaseError, match=r"begin with 1\. Received: 0"):
        promote(registry, 0, "staging", WHY)
