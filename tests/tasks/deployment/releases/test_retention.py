import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Params, Retention
from tasks.deployment.device.client import fetch
from tasks.deployment.records import MANIFEST, Lease
from tasks.deployment.registry import claim, encode, read_manifest, release_key, releases, see
from tasks.deployment.releases import leases, retention
from tasks.deployment.releases.channels import Why, move
from tasks.deployment.releases.leases import lease, pin, pins, unpin
from tasks.deployment.releases.promotion import registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.retention import Fate, clean, leftovers, plan
from tasks.deployment.stores.directory import STAGED
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import NotFound, ReleaseError
from tests.tasks.deployment.interrupted import Interrupted
from tests.tasks.deployment.killing import killed
from tests.tasks.deployment.project import trust_of, write_project

ONE = Retention(keep=1)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Retention; the contract of all stores has what is asked of a store here."""
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def four(project: Params) -> Params:
    """A project with releases 1 to 4, the last one in production."""
    for bias in (11, 12, 13, 14):
        write_project(project, bias)
        publish(project)
    return project


@contextmanager
def later(monkeypatch: pytest.MonkeyPatch, hours: float) -> Iterator[None]:
    """Let so much time have passed."""
    with monkeypatch.context() as patch:

        def age(moment: str) -> timedelta:
            return datetime.now(UTC) - datetime.fromisoformat(moment) + timedelta(hours=hours)

        patch.setattr(leases, "age", age)
        patch.setattr(retention, "age", age)
        yield


def gone(fates: Iterator[Fate] | list[Fate]) -> list[int]:
    return [fate.version for fate in fates if fate.goes]


def listed(store: Store) -> list[int]:
    return [release.version for release in releases(store, "shades")]


def test_the_newest_stay_and_the_rest_goes_with_all_its_files(four: Params, store: Store) -> None:
    assert gone(clean(store, "shades", Retention(keep=2))) == [2, 1]
    assert listed(store) == [4, 3]
    left = [entry.key for entry in store.list("models/shades/releases/1")]
    assert [key.rpartition("/")[2].partition("-")[0] for key in left] == ["retired"]
    with pytest.raises(ReleaseError, match="no such release"):
        read_manifest(store, "shades", 1, ANYBODY)


def test_a_plan_says_what_goes_and_why_and_changes_nothing(four: Params, store: Store) -> None:
    before = list(store.list("models"))
    assert [(fate.version, fate.goes, fate.why) for fate in plan(store, "shades", ONE)] == [
        (4, False, "it is production; it is staging; number 1 of the last 1"),
        (3, False, "a rollback of production goes to it; a rollback of staging goes to it"),
        (2, True, "not of the last 1"),
        (1, True, "not of the last 1"),
    ]
    assert all(fate.bytes > 1000 for fate in plan(store, "shades", ONE))
    assert list(store.list("models")) == before


def test_what_a_channel_points_to_stays(four: Params, store: Store) -> None:
    point(store, "staging", 1)
    assert gone(clean(store, "shades", ONE)) == [2]
    assert listed(store) == [4, 3, 1]


def test_what_a_rollback_would_go_to_stays_after_rollbacks_too(four: Params, store: Store) -> None:
    registry = registry_of(four.deployment)
    rollback(registry, "production", Why("a test", "Ada"))
    stays = {fate.version: fate.why for fate in clean(store, "shades", ONE) if not fate.goes}
    assert set(stays) == {4, 3, 2}
    assert stays[3].startswith("it is production")
    assert stays[2] == "a rollback of production goes to it"
    assert rollback(registry, "production", Why("a test", "Ada")).version == 2


def test_pieces_of_old_uploads_are_found(
    four: Params, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = tmp_path / "store" / "models" / "shades" / "releases" / "4" / f"{STAGED}torn"
    torn.write_bytes(b"half")
    assert leftovers(store, "shades", ONE) == []
    with later(monkeypatch, hours=25):
        (piece,) = leftovers(store, "shades", ONE)
        assert leftovers(store, "others", ONE) == []
    store.discard(piece)
    assert not torn.exists()


def test_what_is_pinned_stays_until_it_is_unpinned(four: Params, store: Store) -> None:
    pin(store, "shades", 1, "on a ship", "Ada")
    assert [(found.version, found.by, found.reason) for found in pins(store, "shades")] == [(1, "Ada", "on a ship")]
    assert gone(clean(store, "shades", ONE)) == [2]
    assert unpin(store, "shades", 1)
    assert not unpin(store, "shades", 1)
    assert gone(clean(store, "shades", ONE)) == [1]


def test_what_is_not_there_cannot_be_pinned(four: Params, store: Store) -> None:
    list(clean(store, "shades", ONE))
    for version in (1, 9):
        with pytest.raises(ReleaseError, match="no such release"):
            pin(store, "shades", version, "why", "Ada")
    assert pins(store, "shades") == []


def test_an_upload_that_never_ended_goes_after_a_day(
    four: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = claim(store, "shades")
    store.put(release_key("shades", version, "labels.json"), b"[]")
    assert gone(clean(store, "shades", Retention(keep=4))) == []
    with later(monkeypatch, hours=25):
        (fate,) = [fate for fate in clean(store, "shades", Retention(keep=4)) if fate.goes]
    assert (fate.version, "never ended" in fate.why) == (5, True)
    with pytest.raises(NotFound):
        store.get(release_key("shades", version, "labels.json"))


def test_a_number_is_never_given_again(four: Params, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(store, "shades")
    with later(monkeypatch, hours=25):
        list(clean(store, "shades", ONE))
        assert plan(store, "shades", ONE)[0].version == 4
    assert claim(store, "shades") == 6


def test_a_release_finished_after_its_upload_was_removed_does_not_exist(
    four: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = claim(store, "shades")
    with later(monkeypatch, hours=25):
        list(clean(store, "shades", ONE))
    store.put(release_key("shades", version, MANIFEST), store.get(release_key("shades", 4, MANIFEST)).content)
    assert listed(store) == [4, 3]
    with pytest.raises(ReleaseError, match="it is being removed, or was"), lease(store, "shades", version):
        pass


def test_what_is_leased_stays_and_a_dead_ones_lease_ends(
    four: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease(store, "shades", 1):
        assert gone(clean(store, "shades", ONE)) == [2]
    assert list(store.list("models/shades/holds")) == []
    left = Lease(version=1, held_at=(datetime.now(UTC) - timedelta(hours=23)).isoformat())
    store.put("models/shades/holds/1-dead.json", encode(left))
    assert gone(clean(store, "shades", ONE)) == []
    with later(monkeypatch, hours=2):
        assert gone(clean(store, "shades", ONE)) == [1]
    assert list(store.list("models/shades/holds")) == []


def between(store: Store, step: str, work: Any) -> Store:
    """A store in which something else happens once, right before its first ``step``."""
    left = [work]

    class Between:
        def __getattr__(self, name: str) -> Any:
            def verb(*arguments: Any) -> Any:
                if left and f"{name} {arguments[0]}".startswith(step):
                    left.pop()()
                return getattr(store, name)(*arguments)

            return verb if callable(getattr(store, name)) else getattr(store, name)

    made: Any = Between()
    return made  # type: ignore[no-any-return]


def point(store: Store, channel: str, version: int) -> None:
    """Move a channel as everybody does."""
    sealed = read_manifest(store, "shades", version, ANYBODY)
    with lease(store, "shades", version):
        move(store, "shades", channel, see(store, "shades", channel), sealed, Why("a reason", "alice"))


def test_a_channel_moved_after_the_plan_is_seen(four: Params, store: Store) -> None:
    moving = between(store, "put models/shades/releases/2/retired", lambda: point(store, "staging", 2))
    fates = {fate.version: fate for fate in clean(moving, "shades", ONE)}
    assert (fates[2].goes, fates[2].why, fates[1].goes) == (False, "it is staging", True)
    assert listed(store) == [4, 3, 2]
    point(store, "staging", 2)


def test_a_channel_cannot_be_moved_to_what_is_going(four: Params, store: Store) -> None:
    def late() -> None:
        with pytest.raises(ReleaseError, match="it is being removed, or was"):
            point(store, "staging", 2)

    moving = between(store, "delete models/shades/releases/2/manifest", late)
    assert gone(clean(moving, "shades", ONE)) == [2, 1]


def clean_up_to(url: str, step: int) -> None:
    fatal: Any = Interrupted(open_store(url), step, {"put", "delete"})
    list(clean(fatal, "shades", ONE))


def test_a_removal_killed_at_any_step_is_ended_by_the_next(four: Params, store: Store, tmp_path: Path) -> None:
    url = four.deployment.store
    for step in range(100):
        died = killed(partial(clean_up_to, url, step))
        for version in listed(store):  # what is listed is whole
            for name in read_manifest(store, "shades", version, ANYBODY).manifest.files:
                assert store.get(release_key("shades", version, name)).content is not None
        if not died:
            break
        if step % 7 == 6:
            write_project(four, bias=20 + step)
            publish(four)
    assert step > 5
    list(clean(store, "shades", ONE))
    assert len(listed(store)) == 2
    assert fetch(url, "shades", "production", tmp_path / "device", trust_of(four)).version == listed(store)[0]


def test_while_others_publish_and_clean_no_reader_finds_a_channel_broken(
    four: Params, store: Store, tmp_path: Path
) -> None:
    ended = threading.Event()
    problems: list[BaseException] = []

    def sweep() -> None:
        while not ended.is_set():
            try:
                list(clean(open_store(four.deployment.store), "shades", ONE))
            except BaseException as error:  # shown by the assertion below
                problems.append(error)

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for bias in range(21, 27):
            write_project(four, bias)
            version = publish(four).version
            got = fetch(four.deployment.store, "shades", "production", tmp_path / "device", trust_of(four))
            assert got.version == version
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert problems == []
