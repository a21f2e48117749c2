import os
import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tasks.deployment.trust.keys import (
    ENVIRONMENT,
    LOCAL,
    LOCAL_KEY,
    key_id,
    new_key,
    public_path,
    read_private,
    read_public,
    signing_key,
)
from tasks.errors import ConfigError
from tests.tasks.deployment.killing import die_at_flush, killed


def id_of(key: Ed25519PrivateKey | None) -> str:
    assert key
    return key_id(key.public_key())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    return tmp_path / "keys/release.pem"


def test_a_new_key_is_for_its_owner_only_and_has_its_public_key_beside_it(path: Path) -> None:
    umask = os.umask(0)
    try:
        key = new_key(path)
    finally:
        os.umask(umask)
    assert mode(path) == 0o600
    assert id_of(read_private(path)) == key_id(read_public(public_path(path))) == id_of(key)
    assert sorted(file.name for file in path.parent.iterdir()) == ["release.pem", "release.pub"]
    assert b"PRIVATE" not in public_path(path).read_bytes()


def test_a_key_is_never_overwritten(path: Path) -> None:
    new_key(path)
    before = path.read_bytes(), public_path(path).read_bytes()
    with pytest.raises(ConfigError, match="never overwritten"):
        new_key(path)
    assert (path.read_bytes(), public_path(path).read_bytes()) == before
    assert len(list(path.parent.iterdir())) == 2


def test_a_public_keys_name_is_not_taken_for_a_private_one(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not end with \.pub"):
        new_key(path.with_suffix(".pub"))


def test_the_local_key_is_made_once_also_by_many_at_once(path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(id_of(signing_key(LOCAL)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {id_of(read_private(LOCAL_KEY))}


def make_local(flush: int) -> None:
    die_at_flush(flush)
    signing_key(LOCAL)


@pytest.mark.parametrize("flush", range(4))
def test_a_local_key_whose_making_was_killed_is_whole_or_made_again(path: Path, flush: int) -> None:
    assert killed(partial(make_local, flush))
    key = signing_key(LOCAL)
    assert id_of(key) == key_id(read_public(public_path(LOCAL_KEY))) == id_of(read_private(LOCAL_KEY))


def test_only_the_local_key_is_made_unasked(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"release\.pem.*slimline keys new"):
        signing_key(str(path))
    assert not path.exists()


def test_the_key_of_the_environment_goes_first_in_one_line_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key(path)
    pem = path.read_text()
    for text in (pem, pem.replace("\n", "\\n")):
        monkeypatch.setenv(ENVIRONMENT, text)
        assert id_of(signing_key(LOCAL)) == id_of(signing_key(None)) == id_of(key)
    assert not LOCAL_KEY.exists()


def test_without_a_key_nothing_is_signed(path: Path) -> None:
    assert signing_key(None) is None


@pytest.mark.parametrize("others", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_is_refused(path: Path, others: int) -> None:
    new_key(path)
    path.chmod(others)
    with pytest.raises(ConfigError, match="mode 0600"):
        signing_key(str(path))


def pem_of(key: Ed25519PrivateKey | X25519PrivateKey, passphrase: bytes = b"") -> bytes:
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


@pytest.mark.parametrize("kind", ["nothing", "words", "another kind", "with a passphrase", "public"])
def test_what_is_no_private_key_is_refused_and_not_repeated(path: Path, kind: str) -> None:
    new_key(path)
    content = {
        "nothing": b"",
        "words": b"-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n",
        "another kind": pem_of(X25519PrivateKey.generate()),
        "with a passphrase": pem_of(Ed25519PrivateKey.generate(), b"secret"),
        "public": public_path(path).read_bytes(),
    }[kind]
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="to be an Ed25519 private key") as caught:
        read_private(path)
    lines = {line for line in content.decode().splitlines() if line and "-----" not in line}
    assert not any(line in str(caught.value) for line in lines)


def test_a_private_key_is_not_taken_for_a_public_one(path: Path) -> None:
    new_key(path)
    with pytest.raises(ConfigError, match="never the private key"):
        read_public(path)


def test_a_public_key_whose_private_key_is_elsewhere_is_not_overwritten(path: Path) -> None:
    new_key(path)
    path.unlink()
    before = public_path(path).read_bytes()
    with pytest.raises(ConfigError, match=r"release\.pub.*never overwritten"):
        new_key(path)
    assert public_path(path).read_bytes() == before
    assert not path.exists()


@pytest.mark.usefixtures("path")
def test_a_key_in_place_of_its_path_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="Received: a key itself") as caught:
        signing_key("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----")
    assert "MC4CAQAw" not in str(caught.value)
