"""Whatever a writer accepts, readers read; what they would not read is refused before anything is written."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.config import Params, check_digest, check_name, check_version, parse_deployment
from tasks.deployment.records import (
    LABELS,
    MAX_BY,
    MAX_FILE,
    MAX_FILES,
    MAX_REASON,
    MAX_SIGNATURES,
    PACKED,
    DataDigests,
    File,
    Manifest,
    Pin,
    Pointer,
)
from tasks.deployment.registry import (
    as_readers_take_it,
    channel_key,
    decode,
    encode,
    encoding,
    open_manifest,
    read_manifest,
    release_key,
    see,
)
from tasks.deployment.releases.bundle import file_record
from tasks.deployment.releases.channels import Why, audit_key, move, trail
from tasks.deployment.releases.leases import pin, pins
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.protocol import Store, is_key
from tasks.deployment.trust import signing
from tasks.deployment.trust.keys import key_id
from tasks.deployment.trust.signing import seal, unseal
from tasks.deployment.trust.trusted import ANYBODY, Trust
from tasks.errors import ConfigError, ReleaseError
from tasks.training.records import SAVED_MODEL
from tests.tasks.deployment.releases.test_serving import export

TEXT = st.text(st.characters(), max_size=40)
EDGES = st.sampled_from([0, 1, MAX_BY - 1, MAX_BY, MAX_BY + 1, MAX_REASON - 1, MAX_REASON, MAX_REASON + 1])
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in range(MAX_SIGNATURES + 3)]
DIGEST = "a" * 64


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


def pointer(why: Why) -> Pointer:
    return Pointer(
        version=1,
        manifest_sha256=DIGEST,
        generation=1,
        nonce="n",
        kind="promote",
        moved_at="2026-01-01T00:00:00+00:00",
        moved_by=why.by,
        reason=why.reason,
        previous=None,
        fallback=None,
    )


@given(TEXT, TEXT, EDGES, EDGES)
@example("\udcff", "\ud800", MAX_REASON, MAX_BY)
@example("\x00\x1b\n", "\U0010ffff", MAX_REASON, MAX_BY)
def test_a_reason_that_is_taken_is_read_back(reason: str, by: str, length: int, width: int) -> None:
    reason, by = (
        (text * (size // len(text) + 1))[:size] if text else "" for text, size in ((reason, length), (by, width))
    )
    try:
        why = Why(reason, by)
    except ConfigError:
        return
    assert decode(encode(pointer(why)), Pointer, "it") == pointer(why)
    pinned = Pin(version=1, pinned_at="", by=why.by, reason=why.reason)
    assert decode(encode(pinned), Pin, "it") == pinned


def test_the_longest_reason_moves_a_channel_and_pins(project: Params, store: Store) -> None:
    publish(project)
    longest = Why("\x1b" * (MAX_REASON - 1) + "!", "\U0001f600" * MAX_BY)
    sealed = read_manifest(store, "shades", 1, ANYBODY)
    move(store, "shades", "beta", see(store, "shades", "beta"), sealed, longest)
    assert [(each.reason, each.moved_by) for each in trail(store, "shades", "beta")] == [(longest.reason, longest.by)]
    pin(store, "shades", 1, longest.reason, longest.by)
    assert [(each.reason, each.by) for each in pins(store, "shades")] == [(longest.reason, longest.by)]
    with pytest.raises(ConfigError):
        pin(store, "shades", 1, longest.reason + "!", longest.by)


@given(st.from_regex(r"[a-z0-9_.\-/A-Z é\n]{0,66}", fullmatch=True) | TEXT)
@example("a" * 63)
@example("a" * 64)
@example("a\n")
@example("0..")
def test_a_name_is_taken_just_where_params_take_it_and_makes_a_key(name: str) -> None:
    try:
        parse_deployment({"model": "shades", "channel": name, "staging": None})
    except ConfigError:
        with pytest.raises(ConfigError):
            check_name("a channel", name)
        return
    assert check_name("a channel", name) == name
    assert is_key(channel_key(name, name))
    assert is_key(audit_key(name, name, 10**15))
    assert is_key(release_key(name, 10**15, "serving/assets.extra/" + "a" * 100))


@pytest.mark.parametrize("number", [0, -1, 10**15, 1 << 20_000], ids=["0", "-1", "too large", "huge"])
def test_a_number_that_is_none_is_refused_in_few_words(number: int) -> None:
    with pytest.raises(ConfigError) as refused:
        check_version(number)
    assert len(str(refused.value)) < 200
    assert check_version(10**15 - 1) == 10**15 - 1


@pytest.mark.parametrize("text", ["", "a" * 63, "A" * 64, "a" * 65, "a" * 64 + "\n", "g" * 64])
def test_a_digest_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected a SHA-256"):
        check_digest(text)


@given(st.integers(0, len(KEYS)), st.binary(max_size=50))
def test_an_envelope_that_is_written_is_read(count: int, payload: bytes) -> None:
    try:
        content = seal(payload, KEYS[:count])
    except ReleaseError:
        assert count > MAX_SIGNATURES
        return
    trust = Trust({key_id(key.public_key()): key.public_key() for key in KEYS})
    assert unseal(content, ANYBODY if count == 0 else trust, "it").payload == payload


FILES = st.dictionaries(
    st.sampled_from([PACKED, LABELS, "manifest.dsse.json", "model.tflite"]) | st.text("aA0_.-/ ", max_size=101),
    st.tuples(st.sampled_from([0, 1, MAX_FILE, MAX_FILE + 1, -1]), st.sampled_from([DIGEST, DIGEST.upper(), ""])),
    max_size=6,
)


def manifest(**changes: object) -> Manifest:
    file = File(bytes=1, sha256=DIGEST)
    fields = {
        "model": "shades",
        "version": 1,
        "recipe": "int8",
        "created": "2026-01-01T00:00:00+00:00",
        "commit": None,
        "dirty": None,
        "metrics": {"accuracy": 0.5},
        "data": DataDigests(source="s", prepared=DIGEST),
        "versions": {},
        "files": {PACKED: file, LABELS: file},
        "unpacked": file,
    }
    return Manifest(**(fields | changes))


@given(FILES, FILES, st.booleans(), TEXT)
def test_a_manifest_that_is_written_is_read(
    files: dict[str, tuple[int, str]], served: dict[str, tuple[int, str]], whole: bool, source: str
) -> None:
    needed = {PACKED: (1, DIGEST), LABELS: (1, DIGEST)} if whole else {}

    def described(given: dict[str, tuple[int, str]]) -> dict[str, object]:
        return {name: {"bytes": size, "sha256": digest} for name, (size, digest) in given.items()}

    try:
        with as_readers_take_it():
            made = manifest(files=described(files | needed), serving=described(served), versions={"source": source})
        content = seal(encode(made), KEYS[:1])
    except (ReleaseError, UnicodeError):
        return
    assert open_manifest(content, ANYBODY, "it").manifest.files == made.files


@pytest.mark.parametrize("count", [MAX_FILES - 1, MAX_FILES, MAX_FILES + 1])
def test_the_number_of_files_is_the_same_for_both(count: int) -> None:
    file = {"bytes": 1, "sha256": DIGEST}
    files = {PACKED: file, LABELS: file, **{f"f{number}": file for number in range(count - 2)}}
    if count > MAX_FILES:
        with pytest.raises(ReleaseError, match="readers take"), as_readers_take_it():
            manifest(files=files)
    else:
        assert len(open_manifest(seal(encode(manifest(files=files)), ()), ANYBODY, "it").manifest.files) == count


def test_a_manifest_that_is_too_large_for_readers_takes_no_number(
    project: Params, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (encoding, signing):
        with monkeypatch.context() as patch:
            patch.setattr(module, "SMALL", 1000)
            with pytest.raises(ReleaseError, match=r"at most 1,000 bytes.*Nothing was written"):
                publish(project)
        assert list(store.list("models/shades/releases")) == []
    assert publish(project).version == 1


@pytest.mark.parametrize("name", ["variables/no-utf-8-\udcff", "assets/my vocabulary.txt", "extra/x", "assets/deep/x"])
def test_a_saved_model_whose_files_readers_would_not_take_takes_no_number(
    project: Params, store: Store, name: str
) -> None:
    params = project.model_copy(update={"deployment": project.deployment.model_copy(update={"serving": True})})
    export(b"1")
    path = SAVED_MODEL / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    with pytest.raises(ReleaseError, match=r"a Manifest that readers take\. Received: serving"):
        publish(params)
    assert list(store.list("models/shades/releases")) == []


def test_a_file_that_is_too_large_for_readers_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, MAX_FILE + 1)
    with pytest.raises(ReleaseError, match=r"at most 8,589,934,591 bytes"):
        file_record(path)
