"""Of several clones of a project that share a store one tells people of a release, whatever server each has."""

import json
from pathlib import Path

import pytest

from flows.line.announcing import announce, announce_move
from tasks.config import Params
from tasks.deployment.records import Release
from tasks.deployment.registry import current
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.directory import DirectoryStore
from tasks.errors import StoreUnavailable
from tasks.notifying.outbox import Outbox
from tests.tasks.deployment.project import params_for, write_project

KINDS = ("released", "approval_wanted")


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The settings of a project whose release is in production, and which tells people of it."""
    folder = tmp_path / "made"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made = params_for(f"file://{tmp_path / 'store'}")
    write_project(made)
    return made


@pytest.fixture
def release(params: Params) -> Release:
    return publish(params)


@pytest.fixture
def registry(params: Params) -> Registry:
    return registry_of(params.deployment)


def clone(folder: Path, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...] = KINDS) -> Outbox:
    """Go into another folder of the project, new or not; gives its outbox."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    notify = {"targets": {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}, **{kind: ["chat"] for kind in kinds}}
    Path("params.yaml").write_text(json.dumps({"deployment": {"model": "shades"}, "notify": notify}))
    return Outbox()


def kinds_of(outbox: Outbox) -> list[str]:
    return [entry.event.kind for entry in outbox.waiting().get("chat", [])]


@pytest.mark.parametrize("channels", [("production",), ("staging",)])
def test_one_clone_tells_and_goes_on_after_it_was_killed(
    channels: tuple[str, ...],
    params: Params,
    release: Release,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = release.model_copy(update={"channels": channels})
    told = ["released"] if channels == ("production",) else ["approval_wanted"]
    outbox = clone(tmp_path / "a", monkeypatch)
    announce(params, registry, seen, "It passed.")
    assert kinds_of(outbox) == told
    outbox = clone(tmp_path / "b", monkeypatch)
    announce(params, registry, seen, "It passed.")
    assert kinds_of(outbox) == []
    outbox = clone(tmp_path / "a", monkeypatch)
    (event,) = (outbox.folder / "events").iterdir()
    event.unlink()  # as if it had died between its claim and its message
    announce(params, registry, seen, "It passed.")
    assert kinds_of(outbox) == told


def test_a_move_by_hand_is_not_told_again_by_the_next_run_of_another_clone(
    params: Params, release: Release, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_URL", "http://127.0.0.1:9/")
    clone(tmp_path / "a", monkeypatch)
    pointer = current(registry.store, "shades", "production")
    assert pointer
    announce_move(registry, "production", pointer)
    outbox = clone(tmp_path / "b", monkeypatch)
    announce(params, registry, release, "It passed.")
    assert kinds_of(outbox) == []


def test_a_clone_that_tells_nobody_leaves_it_to_one_that_does(
    params: Params, release: Release, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(tmp_path / "a", monkeypatch, kinds=())
    announce(params, registry, release, "It passed.")
    outbox = clone(tmp_path / "b", monkeypatch)
    announce(params, registry, release, "It passed.")
    assert kinds_of(outbox) == ["released"]


def test_people_are_told_where_the_store_takes_no_claim(
    params: Params, release: Release, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("Expected an answer. Received: none.")

    monkeypatch.setattr(DirectoryStore, "put_if_absent", refuse)
    outbox = clone(tmp_path / "a", monkeypatch)
    announce(params, registry, release, "It passed.")
    assert kinds_of(outbox) == ["released"]
