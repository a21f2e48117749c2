"""An object that retention does not understand, wherever it lies, is named, and nothing goes."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Retention
from tasks.deployment.records import Claim, Lease, Pin, Tombstone
from tasks.deployment.registry import (
    channel_key,
    claim,
    encode,
    find_channels,
    read_manifest,
    release_key,
    releases,
    see,
)
from tasks.deployment.releases.channels import Why, audit_key, move
from tasks.deployment.releases.leases import pin
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.retention import clean, plan
from tasks.deployment.stores.directory import DirectoryStore
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ConfigError, ReleaseError, StoreError
from tasks.s3.connection import connect
from tests.tasks.deployment.project import params_for, write_project

ONE = Retention(keep=1)
LONG_AGO = "2020-01-01T00:00:00+00:00"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with releases 1 to 4, the last one in production; keeping one, 1 and 2 would go."""
    place = tmp_path_factory.mktemp("made")
    with contextlib.chdir(place):
        params = params_for(f"file://{place / 'store'}")
        for bias in (11, 12, 13, 14):
            write_project(params, bias)
            publish(params)
    return place / "store"


@pytest.fixture
def four(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test; gives what is below the model's prefix."""
    shutil.copytree(made, tmp_path / "store")
    return tmp_path / "store" / "models" / "shades"


@pytest.fixture
def root(four: Path) -> Path:
    return four


def content(store: Store) -> list[str]:
    return [entry.key for entry in store.list("models")]


def expect_refusal(store: Store, *names: str) -> None:
    """Nothing goes, nothing would go, and the reason names what is in the way."""
    before = content(store)
    works: tuple[Callable[[], object], ...] = (
        lambda: plan(store, "shades", ONE),
        lambda: list(clean(store, "shades", ONE)),
    )
    for work in works:
        with pytest.raises(ReleaseError, match="Nothing is removed") as refused:
            work()
        assert all(name in str(refused.value) for name in names)
    assert content(store) == before


def gone(store: Store) -> list[int]:
    return [fate.version for fate in clean(store, "shades", ONE) if fate.goes]


def stays(store: Store) -> dict[int, str]:
    return {fate.version: fate.why for fate in plan(store, "shades", ONE) if not fate.goes}


def point(store: Store, key: str, version: int, model: str = "shades", **changes: Any) -> None:
    """Write a pointer as an earlier slimline did, under a name that it accepted."""
    pointer = see(store, model, "production").pointer
    assert pointer
    sealed = read_manifest(store, model, version, ANYBODY)
    changed = {"version": version, "manifest_sha256": sealed.sha256, "generation": 1, "fallback": None, **changes}
    store.put(key, encode(pointer.model_copy(update=changed)))


def test_a_release_that_a_channel_of_an_odd_name_leads_stays(four: Path, store: Store) -> None:
    point(store, channel_key("shades", "ships/alpha"), 1)
    point(store, channel_key("shades", "Upper.Case"), 2)
    assert {"ships/alpha", "Upper.Case"} < set(find_channels(store, "shades").records)
    assert gone(store) == []
    assert stays(store)[1] == "it is ships/alpha"


def test_where_such_a_channel_would_be_rolled_back_to_stays(four: Path, store: Store) -> None:
    point(store, channel_key("shades", "ships/alpha"), 4, generation=2, fallback=1)
    expect_refusal(store, "models/shades/audit/ships/alpha/00000001.json")
    point(store, audit_key("shades", "ships/alpha", 1), 1)
    assert gone(store) == [2]
    assert stays(store)[1] == "a rollback of ships/alpha goes to it"


def test_nobody_can_move_such_a_channel(four: Path, store: Store) -> None:
    sealed = read_manifest(store, "shades", 1, ANYBODY)
    for name in ("ships/alpha", "Alpha", "", "..", "a" * 64):
        with pytest.raises(ConfigError, match="Expected the name of a channel"):
            move(store, "shades", name, see(store, "shades", "beta"), sealed, Why("a reason", "Ada"))


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("channels/notes", b"somebody's"),
        ("channels/beta.json", b""),
        ("channels/beta.json", b"{}"),
        ("channels/beta.json", b"\xff\xfe"),
        ("channels/beta.json", b'{"payload": "e30=", "payloadType": "a pointer", "signatures": []}'),
        ("channels/beta.json", b"[" * 100_000),
        ("channels/ships/alpha/beta.json", b"null"),
        ("channels/beta.json.bak", b"{}"),
        ("channels/BETA.JSON", b"{}"),
        ("pins/notes", b"keep 1"),
        ("pins/1.json", b"{}"),
        ("pins/old/1.json", b"{}"),
        ("pins/2.json", encode(Pin(version=1, pinned_at=LONG_AGO, by="Ada", reason="why"))),
        ("holds/1-abc.json", b"{"),
        ("holds/notes.txt", b""),
        ("holds/2-abc.json", encode(Lease(version=1, held_at=LONG_AGO))),
    ],
)
def test_nothing_goes_while_an_object_is_not_understood(four: Path, store: Store, key: str, what: bytes) -> None:
    store.put(f"models/shades/{key}", what)
    expect_refusal(store, f"models/shades/{key}")
    store.delete(f"models/shades/{key}")
    assert gone(store) == [2, 1]


def test_all_that_is_not_understood_is_named_on_a_line_each(four: Path, store: Store) -> None:
    for number in range(14):
        store.put(f"models/shades/channels/note-{number:02}", b"x")
    store.put("models/shades/channels/beta.json", b'{"version": "' + b"9" * 10_000_000 + b'"}')
    with pytest.raises(ReleaseError) as refused:
        plan(store, "shades", ONE)
    said = str(refused.value)
    assert len(said) < 5000
    assert said.count("\n") == 12
    assert "and 5 more" in said
    assert "Move away what does not belong there" in said


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00", "yesterday", "", "0001-01-01T00:00:00+23:59"])
def test_nothing_goes_by_a_time_that_nobody_knows(four: Path, store: Store, moment: str) -> None:
    store.put("models/shades/holds/1-abc.json", encode(Lease(version=1, held_at=moment)))
    version = claim(store, "shades")
    store.put(release_key("shades", version, "claim.json"), encode(Claim(nonce="a", claimed_at=moment)))
    store.put(release_key("shades", 4, "retired-a.json"), encode(Tombstone(nonce="a", retired_at=moment, why="a")))
    known = moment.endswith("+23:59")
    assert gone(store) == ([5, 2, 1] if known else [2])
    assert ("models/shades/holds/1-abc.json" in content(store)) == (not known)
    assert ("models/shades/releases/4/retired-a.json" in content(store)) == (not known)


@pytest.mark.parametrize("what", [b"", b"{}", b"\xff"])
def test_an_upload_whose_claim_is_not_understood_stays(four: Path, store: Store, what: bytes) -> None:
    store.put("models/shades/releases/7/claim.json", what)
    store.put("models/shades/releases/7/model.stored", b"half")
    assert gone(store) == [2, 1]
    assert "nobody knows what it is" in stays(store)[7]


@pytest.mark.parametrize("name", ["01", "٣", "9" * 5000, "1e3", "+1", "-1"])
def test_a_folder_whose_name_is_no_number_is_no_release(four: Path, store: Store, root: Path, name: str) -> None:
    folder = root / "releases" / name[:200]
    folder.mkdir()
    (folder / "retired-x.json").write_bytes(b"x")
    assert [release.version for release in releases(store, "shades")] == [4, 3, 2, 1]
    assert gone(store) == [2, 1]
    assert (folder / "retired-x.json").exists()


def test_a_release_with_something_that_has_no_key_stays(four: Path, store: Store, root: Path) -> None:
    (root / "releases/1/my notes").write_bytes(b"x")
    assert gone(store) == [2]
    assert "my notes" in stays(store)[1]


def link(path: Path, to: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(to)


def test_links_pipes_and_odd_letters_in_a_folder_are_not_passed_over(
    four: Path, store: Store, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "alpha.json").write_bytes((root / "channels/production.json").read_bytes())
    folder = root / "channels"
    for make in (
        lambda path: link(path, "nowhere"),
        lambda path: link(path, "/dev/zero"),
        lambda path: link(path, str(outside)),
        lambda path: link(path, path.name),
        os.mkfifo,
        lambda path: (path / "in.json").mkdir(parents=True) or (path / "in.json" / "x").touch(),
    ):
        make(folder / "odd.json")
        expect_refusal(store, "models/shades/channels/odd.json")
        remove(folder / "odd.json")
    for name in ("my channel.json", "\x1b[2J.json", os.fsdecode(b"\xff.json"), "grün.json"):
        (folder / name).write_bytes((root / "channels/production.json").read_bytes())
        expect_refusal(store, "models/shades/channels/")
        remove(folder / name)
    assert gone(store) == [2, 1]


def remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for inner in path.iterdir():
        remove(inner)
    path.rmdir()


def test_a_link_to_another_channel_counts_as_what_it_leads_to(four: Path, store: Store, root: Path) -> None:
    point(store, "models/shades/kept/alpha.json", 1)
    link(root / "channels/beta.json", "../kept/alpha.json")
    assert gone(store) == [2]


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    four: Path, store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "channels/ships").mkdir()
    scan = os.scandir

    def denied(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("ships"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(StoreError, match="Permission denied"):
        plan(store, "shades", ONE)
    monkeypatch.undo()
    (root / "channels/ships").rmdir()
    (root / "channels").rename(root / "elsewhere")
    (root / "channels").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        plan(store, "shades", ONE)


def test_a_pipe_in_a_store_holds_nobody_up(store: Store, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    os.mkfifo(tmp_path / "store" / "pipe")
    with pytest.raises(StoreError, match="no regular file"):
        store.get("pipe")


def test_what_turns_odd_while_a_release_is_going_keeps_it(
    four: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = DirectoryStore.put

    def meanwhile(self: DirectoryStore, key: str, content: bytes) -> None:
        put(self, key, content)
        if "retired-" in key:
            put(self, "models/shades/channels/notes", b"x")

    monkeypatch.setattr(DirectoryStore, "put", meanwhile)
    with pytest.raises(ReleaseError, match="channels/notes"):
        list(clean(store, "shades", ONE))
    assert [release.version for release in releases(store, "shades")] == [4, 3, 2, 1]


def test_the_longest_reason_of_a_pin_is_the_longest_of_a_move(four: Path, store: Store) -> None:
    for reason, by in (("", "Ada"), (" ", "Ada"), ("a" * 2001, "Ada"), ("why", ""), ("why", "A" * 201)):
        with pytest.raises(ConfigError, match="for the audit trail"):
            pin(store, "shades", 1, reason, by)
    assert pin(store, "shades", 1, "a byte \udcff", "Ada").reason == "a byte \\xff"


def test_an_odd_key_in_a_bucket_is_not_passed_over(
    s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, _, prefix = s3_url.removeprefix("s3://").partition("/")
    store = open_store(s3_url)
    for key in ("my channel.json", "grün.json", "/slash.json", "notes", "ships/../up.json", "tab\t.json"):
        place = f"{prefix}/models/shades/channels/{key}"
        connect().put_object(Bucket=bucket, Key=place, Body=b"{}")
        with pytest.raises(ReleaseError, match="Nothing is removed"):
            plan(store, "shades", ONE)
        connect().delete_object(Bucket=bucket, Key=place)
    assert plan(store, "shades", ONE) == []
