import os
from pathlib import Path

import pytest

from tasks.config import Trusted
from tasks.deployment.trust.keys import LOCAL, key_id, new_key, public_path, signing_key
from tasks.deployment.trust.trusted import ENVIRONMENT, environment_trust, load_trust, project_trust
from tasks.errors import ConfigError


def make(path: Path) -> str:
    return key_id(new_key(path).public_key())


def test_a_folder_trusts_its_public_keys_but_those_it_revokes(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a.pem"), make(tmp_path / "b.pem")
    (tmp_path / "revoked").write_text(f"# lost in a train\n\n{second}  # of b\n")
    trust = load_trust([tmp_path])
    assert set(trust.keys) == {first, second}
    assert set(trust.active) == {first}


def test_a_comment_in_another_encoding_hides_no_revocation(tmp_path: Path) -> None:
    first = make(tmp_path / "a.pem")
    (tmp_path / "revoked").write_bytes(f"{first}  # f\xfcr immer\n".encode("latin-1"))
    assert not load_trust([tmp_path]).active


def test_files_and_folders_add_up_and_so_do_revocations(tmp_path: Path) -> None:
    first, second = make(tmp_path / "one/a.pem"), make(tmp_path / "two/b.pem")
    places = [tmp_path / "one", tmp_path / "two/b.pub"]
    assert set(load_trust(places).active) == {first, second}
    assert set(load_trust(places, revoked=[first]).active) == {second}


@pytest.mark.parametrize("line", ["release", "a" * 63, "A" * 64])
def test_a_revocation_that_would_not_work_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "revoked").write_text(f"{line}\n")
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        load_trust([tmp_path])


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.pub"):
        load_trust([tmp_path / "none.pub"])


def test_a_project_trusts_its_local_key_as_soon_as_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not project_trust(Trusted()).keys
    key = signing_key(LOCAL)
    assert key
    assert set(project_trust(Trusted()).active) == {key_id(key.public_key())}
    assert not project_trust(Trusted(revoked=(key_id(key.public_key()),))).active


def test_the_environment_names_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert environment_trust() is None
    first, second = make(tmp_path / "one/a.pem"), make(tmp_path / "two/b.pem")
    monkeypatch.setenv(ENVIRONMENT, f"{tmp_path / 'one'}{os.pathsep}{public_path(tmp_path / 'two/b.pem')}")
    trust = environment_trust()
    assert trust
    assert set(trust.active) == {first, second}
