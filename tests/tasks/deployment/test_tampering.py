"""Nothing of a release can be changed unseen, and no manifest leads out of the device's folder, whoever signed it."""

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Params
from tasks.deployment.device.client import fetch
from tasks.deployment.device.downloading import download, verify
from tasks.deployment.records import MANIFEST, MODEL, PACKED
from tasks.deployment.registry import current, open_manifest, read_manifest, release_key
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import LOCAL_KEY, read_private
from tasks.deployment.trust.signing import seal
from tasks.errors import ReleaseError, SlimlineError
from tests.tasks.deployment.project import trust_of


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Bytes are bytes wherever they lie."""
    return f"file://{tmp_path / 'store'}"


def flips(content: bytes) -> Iterator[bytes]:
    """``content`` with each bit of each byte flipped in turn."""
    for place in range(len(content)):
        for bit in range(8):
            yield content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def test_no_bit_of_a_manifest_or_its_signature_can_be_flipped(project: Params) -> None:
    publish(project)
    trust = trust_of(project)
    folder = fetch(project.deployment.store, "shades", "production", Path("device"), trust).path
    envelope = (folder / MANIFEST).read_bytes()
    sealed = open_manifest(envelope, trust, "it")
    accepted = 0
    for number, changed in enumerate(flips(envelope)):
        if number % 8 != number // 8 % 8:  # one bit of each byte; the long test flips them all
            continue
        try:
            accepted += open_manifest(changed, trust, "it") is not sealed
        except ReleaseError:
            continue
    assert accepted == 0


@pytest.mark.slow
def test_no_bit_of_a_release_in_the_store_can_be_flipped(project: Params, store: Store, tmp_path: Path) -> None:
    """Every bit of the manifest, its signature and the model; of the other files a bit of every 37th byte."""
    publish(project)
    trust, pointer = trust_of(project), current(store, "shades", "production")
    assert pointer
    whole = read_manifest(store, "shades", 1, trust)
    flipped: dict[str, int] = {}
    for name in (MANIFEST, *whole.manifest.files):
        path = tmp_path / "store" / release_key("shades", 1, name)
        content = path.read_bytes()
        for changed in islice(flips(content), None, None, 1 if name in {MANIFEST, PACKED} else 8 * 37 + 1):
            path.write_bytes(changed)
            flipped[name] = flipped.get(name, 0) + 1
            with pytest.raises(SlimlineError):
                download(store, read_manifest(store, "shades", 1, trust), tmp_path / "copy")
        path.write_bytes(content)
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    download(store, read_manifest(store, "shades", 1, trust, pointer.manifest_sha256), tmp_path / "copy")
    print(f"{sum(flipped.values()):,} flipped bits, none accepted: {flipped}")
    assert flipped[MANIFEST] > 8 * 2000
    assert flipped[PACKED] > 8 * 100


@pytest.mark.slow
def test_no_bit_of_a_fetched_release_can_be_flipped(project: Params) -> None:
    publish(project)
    trust = trust_of(project)
    folder = fetch(project.deployment.store, "shades", "production", Path("device"), trust).path
    count = 0
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for changed in islice(flips(content), None, None, 1 if path.name in {MANIFEST, MODEL} else 8 * 37 + 1):
            path.write_bytes(changed)
            count += 1
            with pytest.raises(SlimlineError):
                verify(folder, trust)
        path.write_bytes(content)
    verify(folder, trust)
    print(f"{count:,} flipped bits of a fetched release, none accepted")


TRICKS = [
    "../labels.json",
    "../../labels.json",
    "a/../../labels.json",
    "/tmp/labels.json",
    "//tmp/labels.json",
    "~/labels.json",
    "..\\labels.json",
    "C:\\labels.json",
    "a/labels.json",
    "./labels.json",
    "labels.json/",
    "..",
    ".",
    "",
    " ",
    ".lock",
    "labels.json\0.txt",
    "labels\n.json",
    "l" * 101,
    "ｌabels.json",
    MANIFEST,
    "model.tflite",
]


@pytest.mark.parametrize("name", TRICKS)
def test_a_name_that_leads_elsewhere_is_refused_though_it_is_signed(
    project: Params, store: Store, tmp_path: Path, name: str
) -> None:
    refused(project, store, tmp_path, {"files": {name: {"bytes": 1, "sha256": "0" * 64}}})


@pytest.mark.parametrize("link", ["symlink", "linkname", "target", "mode", "path", "url"])
def test_a_file_that_is_anything_but_bytes_is_refused_though_it_is_signed(
    project: Params, store: Store, tmp_path: Path, link: str
) -> None:
    refused(project, store, tmp_path, {"files": {"labels.json": {link: "/etc/passwd"}}})


@pytest.mark.parametrize("values", [{"model": "../other"}, {"version": -1}, {"version": "../1"}, {"root": "/"}])
def test_a_manifest_about_somewhere_else_is_refused_though_it_is_signed(
    project: Params, store: Store, tmp_path: Path, values: dict[str, Any]
) -> None:
    refused(project, store, tmp_path, values)


def refused(project: Params, store: Store, tmp_path: Path, values: dict[str, Any]) -> None:
    """Change a manifest, sign it as its owner would, and see that nothing comes of it, in the folder or beside it."""
    publish(project)
    trust = trust_of(project)
    sealed = read_manifest(store, "shades", 1, trust)
    manifest = json.loads(sealed.manifest.model_dump_json())
    for key, value in values.items():
        if key == "files":
            for name, entry in value.items():
                manifest["files"][name] = manifest["files"].get(name, {}) | entry
        else:
            manifest[key] = value
    key = release_key("shades", 1, MANIFEST)
    store.put(key, seal(json.dumps(manifest).encode(), [read_private(LOCAL_KEY)]))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ReleaseError, match="Expected"):
        download(store, read_manifest(store, "shades", 1, trust), tmp_path / "device")
    assert set(tmp_path.rglob("*")) == before
