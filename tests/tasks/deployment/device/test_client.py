import errno
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tasks.config import Params
from tasks.deployment.device.client import Fetched, fetch
from tasks.deployment.device.downloading import unpack, verify
from tasks.deployment.records import MANIFEST, MODEL, PACKED, File
from tasks.deployment.registry import channel_key, read_manifest, release_key, see
from tasks.deployment.releases.channels import Why, move
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import LOCAL_KEY, read_private
from tasks.deployment.trust.signing import seal, unseal
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ConfigError, ReleaseError, SlimlineError, StoreUnavailable
from tasks.files import sha256
from tests.tasks.deployment.killing import die_at_flush, killed
from tests.tasks.deployment.project import trust_of, write_project
from tests.web import as_usual, breaks, serving

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The client does not know one store from the other, so the quick one will do; the rest is in the contract."""
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    return tmp_path / "device"


@pytest.fixture
def released(project: Params) -> Params:
    publish(project)
    return project


def take(params: Params, device: Path, keep: int = 1, url: str | None = None) -> Fetched:
    return fetch(url or params.deployment.store, "shades", "production", device, trust_of(params), keep)


def publish_second(params: Params) -> None:
    write_project(params, bias=3)
    assert publish(params).version == 2


def forge(store: Store, version: int, change: Change) -> None:
    """Change a manifest, sign it and point the channel to it, as somebody with the key and rights to write could."""
    key = release_key("shades", version, MANIFEST)
    manifest = json.loads(unseal(store.get(key).content, ANYBODY, "").payload)
    change(manifest)
    content = json.dumps(manifest).encode()
    store.put(key, seal(content, [read_private(LOCAL_KEY)]))
    pointer = json.loads(store.get(channel_key("shades", "production")).content)
    pointer["manifest_sha256"] = hashlib.sha256(content).hexdigest()
    store.put(channel_key("shades", "production"), json.dumps(pointer).encode())


def test_an_empty_channel_says_so(project: Params, device: Path) -> None:
    with pytest.raises(ReleaseError, match="Received: none"):
        take(project, device)


def test_nothing_new_is_not_downloaded(released: Params, store: Store, device: Path) -> None:
    first = take(released, device)
    for entry in list(store.list("models/shades/releases")):
        store.delete(entry.key)
    again = take(released, device)
    assert (first.changed, again.changed) == (True, False)


def test_a_new_release_replaces_the_old_one(released: Params, device: Path) -> None:
    take(released, device)
    publish_second(released)
    fetched = take(released, device)
    assert (fetched.version, fetched.changed) == (2, True)
    assert (device / "current").resolve() == fetched.path.resolve()
    assert verify(device / "1", ANYBODY).manifest.version == 1


def test_a_changed_file_is_refused_and_the_last_good_release_stays(
    released: Params, store: Store, device: Path
) -> None:
    take(released, device)
    publish_second(released)
    for entry in list(store.list("models/shades/releases/2")):
        name, content = entry.key.rpartition("/")[2], store.get(entry.key).content
        if name == "claim.json":
            continue
        for damage in (bytes([content[0] ^ 1]) + content[1:], content[:-1], content + b"\0"):
            store.put(entry.key, damage)
            with pytest.raises(SlimlineError, match=name):
                take(released, device)
            assert verify(device / "current", ANYBODY).manifest.version == 1
            assert not (device / "2").exists()
        store.put(entry.key, content)
    assert take(released, device).version == 2


def test_a_missing_file_is_refused(released: Params, store: Store, device: Path) -> None:
    store.delete(release_key("shades", 1, "labels.json"))
    with pytest.raises(ReleaseError, match="The release is incomplete"):
        take(released, device)
    assert not (device / "current").exists()


@pytest.mark.parametrize(
    "name", ["../labels.json", "/tmp/labels.json", "a/labels.json", "..", ".lock", MANIFEST, "model.tflite", ""]
)
def test_a_file_name_that_leads_elsewhere_is_refused(
    released: Params, store: Store, device: Path, tmp_path: Path, name: str
) -> None:
    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][name] = manifest["files"]["labels.json"]

    before = sorted(tmp_path.rglob("*"))
    forge(store, 1, change)
    with pytest.raises(ReleaseError, match="to be a Manifest"):
        take(released, device)
    created = set(tmp_path.rglob("*")) - set(before)
    assert created <= {device, device / ".lock"}


@pytest.mark.parametrize(
    "changes",
    [{"model": "other"}, {"version": 3}, {"version": 0}, {"files": {}}, {"schema_version": 3}, {"signed": True}],
)
def test_a_manifest_about_something_else_is_refused(
    released: Params, store: Store, device: Path, changes: dict[str, Any]
) -> None:
    forge(store, 1, lambda manifest: manifest.update(changes))
    with pytest.raises(ReleaseError, match="Expected"):
        take(released, device)


def test_a_manifest_without_a_version_is_not_taken_for_one_of_today(
    released: Params, store: Store, device: Path
) -> None:
    forge(store, 1, lambda manifest: manifest.pop("schema_version") and None)
    with pytest.raises(ReleaseError, match="expected accuracy in version 1"):
        take(released, device)


def test_a_manifest_that_the_channel_does_not_name_is_refused(released: Params, store: Store, device: Path) -> None:
    pointer = store.get(channel_key("shades", "production")).content
    forge(store, 1, lambda manifest: manifest.update(recipe="other"))
    store.put(channel_key("shades", "production"), pointer)
    with pytest.raises(ReleaseError, match="as its channel says"):
        take(released, device)


def test_no_more_is_unpacked_than_the_manifest_says(tmp_path: Path) -> None:
    packed, target = tmp_path / PACKED, tmp_path / MODEL
    packed.write_bytes(zstandard.compress(bytes(1 << 28)))
    with pytest.raises(ReleaseError, match="100 bytes"):
        unpack(packed, target, File(bytes=100, sha256="0" * 64))
    assert target.stat().st_size < 1 << 22


def test_what_is_not_zstd_is_refused(tmp_path: Path) -> None:
    (tmp_path / PACKED).write_bytes(b"no zstd at all")
    with pytest.raises(ReleaseError, match="zstd frame or a container"):
        unpack(tmp_path / PACKED, tmp_path / MODEL, File(bytes=100, sha256="0" * 64))


def test_a_damaged_copy_is_replaced_and_never_written_to(released: Params, device: Path) -> None:
    folder = take(released, device).path
    whole = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(whole[:-1])
    (folder / "labels.json").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = take(released, device)
    assert again.changed
    assert (again.path / MODEL).read_bytes() == whole
    assert (device / "current").resolve() == again.path.resolve() != folder.resolve()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not take(released, device).changed


def test_a_copy_that_the_disk_does_not_give_back_is_replaced(
    released: Params, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = take(released, device).path

    def read(path: Path) -> str:
        if path == folder / MODEL:
            raise OSError(errno.EIO, "Input/output error")
        return sha256(path)

    monkeypatch.setattr("tasks.deployment.device.downloading.sha256", read)
    with pytest.raises(ReleaseError, match=r"Input/output error\. The copy is damaged"):
        verify(folder, ANYBODY)
    again = take(released, device)
    assert again.changed
    assert (device / "current").resolve() == again.path.resolve() != folder.resolve()
    assert not take(released, device).changed


def test_folders_of_others_stay_whatever_their_names(released: Params, device: Path) -> None:
    take(released, device)
    mine = [device / name / "photo.jpg" for name in ("2", "2023", "2024-0a1b2c3d", ".partial-photos")]
    for photo in mine:
        photo.parent.mkdir()
        photo.write_bytes(b"dear")
    (device / ".partial-list").write_text("dear")
    publish_second(released)
    fetched = take(released, device, keep=0)
    assert re.fullmatch("2-[0-9a-f]{8}", fetched.path.name)
    assert not (device / "1").exists()
    assert all(photo.read_bytes() == b"dear" for photo in mine)
    assert (device / ".partial-list").exists()


def test_a_folder_of_something_else_is_not_written_to(released: Params, device: Path) -> None:
    for year in ("2023", "2024"):
        (device / year).mkdir(parents=True)
        (device / year / "photo.jpg").write_bytes(b"dear")
    before = sorted(device.rglob("*"))
    with pytest.raises(ConfigError, match=r"Received: one with 2023, 2024 and no release in it"):
        take(released, device)
    assert sorted(device.rglob("*")) == before


def test_a_folder_with_a_release_and_without_its_record_is_the_devices(released: Params, device: Path) -> None:
    take(released, device)
    (device / "channel.json").unlink()
    (device / "notes.txt").write_text("of the owner")
    assert not take(released, device).changed


def test_so_many_older_releases_stay_as_are_to_be_kept(released: Params, device: Path) -> None:
    def folders() -> list[str]:
        return sorted(path.name for path in device.iterdir() if path.is_dir() and not path.is_symlink())

    for version in (1, 2, 3, 4):
        if version > 1:
            write_project(released, bias=10 + version)
            publish(released)
        take(released, device, keep=2)
    assert folders() == ["2", "3", "4"]
    take(released, device, keep=0)
    assert folders() == ["4"]
    with pytest.raises(ConfigError, match="0 or more"):
        take(released, device, keep=-1)


def test_a_damaged_release_is_not_the_one_that_is_kept(released: Params, device: Path) -> None:
    take(released, device)
    publish_second(released)
    second = take(released, device).path
    (second / MODEL).write_bytes(b"damaged")
    third = take(released, device).path
    kept = {path.name for path in device.iterdir() if path.is_dir() and not path.is_symlink()}
    assert kept == {"1", third.name}
    assert verify(device / "1", ANYBODY).manifest.version == 1


def test_what_was_in_use_last_is_kept_and_not_the_highest_number(released: Params, store: Store, device: Path) -> None:
    publish_second(released)
    write_project(released, bias=4)
    publish(released)
    take(released, device)
    for version in (1, 2):  # as after rollbacks
        sealed = read_manifest(store, "shades", version, ANYBODY)
        move(store, "shades", "production", see(store, "shades", "production"), sealed, Why("back", "alice"))
        take(released, device)
    assert {path.name for path in device.iterdir() if path.is_dir() and not path.is_symlink()} == {"1", "2"}


def test_a_channel_that_went_back_is_not_followed(released: Params, store: Store, device: Path) -> None:
    old = store.get(channel_key("shades", "production")).content
    publish_second(released)
    take(released, device)
    store.put(channel_key("shades", "production"), old)
    with pytest.raises(ReleaseError, match="release 2 stays in use"):
        take(released, device)
    assert verify(device / "current", ANYBODY).manifest.version == 2
    (device / "channel.json").unlink()
    assert take(released, device).version == 1


def test_a_channel_that_went_back_in_a_copy_of_the_store_is_not_followed(
    released: Params, device: Path, tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "store", tmp_path / "mirror")
    publish_second(released)
    take(released, device)
    with pytest.raises(ReleaseError, match=r"at generation 2, as it was before, or later\. Received: generation 1"):
        take(released, device, url=f"file://{tmp_path / 'mirror'}")


def test_another_history_of_the_channel_is_not_followed(released: Params, store: Store, device: Path) -> None:
    old = store.get(channel_key("shades", "production")).content
    publish_second(released)
    take(released, device)
    store.put(channel_key("shades", "production"), old)
    sealed = read_manifest(store, "shades", 1, ANYBODY)
    for entry in list(store.list("models/shades/audit")):
        store.delete(entry.key)  # else the channel would not move
    move(store, "shades", "production", see(store, "shades", "production"), sealed, Why("other", "eve"))
    with pytest.raises(ReleaseError, match="Received: another generation 2"):
        take(released, device)
    assert verify(device / "current", ANYBODY).manifest.version == 2


def test_a_device_killed_before_the_swap_does_not_go_back_afterwards(
    released: Params, store: Store, device: Path
) -> None:
    old = store.get(channel_key("shades", "production")).content
    take(released, device)
    publish_second(released)
    take(released, device)
    (device / "current").unlink()
    (device / "current").symlink_to("1")  # as if it had been killed
    store.put(channel_key("shades", "production"), old)
    with pytest.raises(ReleaseError, match="The store was set back"):
        take(released, device)


def test_over_http_a_channel_that_has_not_moved_costs_one_short_answer(
    released: Params, device: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "store") as web:
        first = take(released, device, url=web.url)
        web.seen.clear()
        again = take(released, device, url=web.url)
        assert (first.changed, again.changed, web.statuses) == (True, False, [304])
        publish_second(released)
        assert take(released, device, url=web.url).version == 2


def test_over_http_a_store_in_trouble_leaves_the_last_good_release(
    released: Params, device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.web.transfer.PAUSE", 0.0)
    with serving(tmp_path / "store") as web:
        take(released, device, url=web.url)
        publish_second(released)
        web.script.extend([as_usual, as_usual, *[breaks(0)] * 4])
        with pytest.raises(StoreUnavailable):
            take(released, device, url=web.url)
        assert verify(device / "current", ANYBODY).manifest.version == 1
        assert take(released, device, url=web.url).version == 2


def test_a_release_that_does_not_fit_on_the_disk_is_not_begun(
    released: Params, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(released, device)
    publish_second(released)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(ReleaseError, match="bytes of free space for release 2"):
        take(released, device)


def test_a_folder_holds_one_model(released: Params, device: Path, tmp_path: Path) -> None:
    take(released, device)
    other = f"file://{tmp_path / 'other'}"
    values = {"store": other, "model": "others"}
    params = released.model_copy(update={"deployment": released.deployment.model_copy(update=values)})
    write_project(params, bias=5)
    publish(params)
    with pytest.raises(ReleaseError, match="it holds shades"):
        fetch(other, "others", "production", device, trust_of(released))


def fetch_up_to(params: Params, device: Path, flush: int) -> None:
    die_at_flush(flush)
    take(params, device)


def test_a_fetch_killed_at_any_moment_leaves_a_whole_release(released: Params, device: Path, tmp_path: Path) -> None:
    take(released, tmp_path / "before")
    publish_second(released)
    for flush in range(100):
        shutil.rmtree(device, ignore_errors=True)
        shutil.copytree(tmp_path / "before", device, symlinks=True)
        died = killed(partial(fetch_up_to, released, device, flush))
        assert verify(device / "current", ANYBODY).manifest.version in {1, 2}
        assert take(released, device).version == 2
        assert not list(device.glob(".partial-*"))
        if not died:
            break
    assert 5 < flush < 99


def test_a_first_fetch_killed_at_any_moment_goes_on(released: Params, device: Path) -> None:
    left = set()
    for flush in range(100):
        shutil.rmtree(device, ignore_errors=True)
        died = killed(partial(fetch_up_to, released, device, flush))
        left |= {path.name[:9] for path in device.iterdir()}
        assert take(released, device).version == 1
        assert not list(device.glob(".partial-*"))
        if not died:
            break
    assert 5 < flush < 99
    assert {".partial-", "1", ".channel."} <= left
