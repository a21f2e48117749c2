"""A key that is lost or retired: in either order, from the command line, on a real store, the way out ends well."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.config import Params, load_params
from tasks.deployment.records import MANIFEST, MAX_SIGNATURES
from tasks.deployment.registry import current, encode, open_manifest, read_manifest, release_key
from tasks.deployment.releases.countersigning import replace_signatures, sign
from tasks.deployment.releases.memory import FOLDER, released_here
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.release_state import expect_release_possible
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.keys import key_id, new_key, public_path, read_private
from tasks.deployment.trust.signing import Envelope, parts, seal
from tasks.deployment.trust.trusted import ANYBODY, load_trust
from tasks.errors import ConfigError, ReleaseError, Untrusted
from tasks.versioning.history import release_message
from tasks.versioning.params_file import set_params
from tests.commands import Slimline
from tests.tasks.deployment.project import params_for, write_project

OLD, NEXT = Path("keys/old.pem"), Path("keys/next.pem")


on_a_server = pytest.mark.parametrize("store_url", ["s3"], indirect=True)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder; an S3 server where a test asks for one."""
    return str(request.getfixturevalue("s3_url")) if hasattr(request, "param") else f"file://{tmp_path / 'store'}"


@pytest.fixture
def project(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project with two releases, both in production one after the other, signed with a key that gets lost."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    new_key(OLD)
    for bias in (1, 2):
        retrain(params_for(store_url, OLD), bias)
    return load_params()


def retrain(params: Params, bias: float) -> int:
    """Do as a run does after training: look whether it may, compare with production, release."""
    write_params(params)
    expect_release_possible(params, registry_of(params.deployment))
    write_project(params, bias)
    write_params(params)
    return publish(params).version


def write_params(params: Params) -> None:
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))


def revoke(name: Path = OLD) -> str:
    lost = key_id(read_private(name).public_key())
    set_params([f"deployment.trust.revoked=[{lost}]"])
    return lost


def use_next(slimline: Slimline) -> None:
    slimline("keys", "new", str(NEXT))
    set_params(
        [f"deployment.signing_key={NEXT}", f"deployment.trust.public_keys=[{OLD.with_suffix('.pub')}, keys/next.pub]"]
    )


def device(slimline: Slimline, params: Params, *keys: Path, code: int = 0) -> str:
    named = [word for key in keys for word in ("--trusted-keys", str(public_path(key)))]
    return slimline(
        "fetch", "shades", "--to", f"device-{len(keys)}", "--store", params.deployment.store, *named, code=code
    )


def forge(params: Params, version: int, **changes: Any) -> bytes:
    """Put another manifest, signed with the lost key, in the place of a release's."""
    store = open_store(params.deployment.store)
    key = release_key("shades", version, MANIFEST)
    manifest = read_manifest(store, "shades", version, ANYBODY).manifest
    forged = seal(encode(manifest.model_copy(update=changes)), [read_private(OLD)])
    store.put(key, forged)
    return forged


@on_a_server
def test_the_new_key_first_and_then_the_old_one_goes(slimline: Slimline, project: Params) -> None:
    use_next(slimline)
    for version in ("1", "2"):
        assert "is signed by" in slimline("sign", version)
    revoke()
    assert "shades 1 is production" in slimline("rollback", "--reason", "a look back")
    assert "shades 2 is production" in slimline("promote", "--reason", "and forth")
    assert retrain(load_params(), 3) == 3
    assert "is now" in device(slimline, project, NEXT)


@on_a_server
def test_the_old_key_goes_first_and_everything_still_has_a_way(slimline: Slimline, project: Params) -> None:
    before = current(open_store(project.deployment.store), "shades", "production")
    revoke()
    for command in (("promote", "--reason", "a"), ("rollback", "--reason", "a"), ("sign", "2")):
        slimline(*command, code=2 if command[0] == "sign" else 1)
    with pytest.raises(ConfigError, match=r"a key to sign with that is not revoked.*slimline keys new"):
        retrain(load_params(), 3)
    use_next(slimline)
    with pytest.raises(Untrusted, match=r"\(revoked\).*slimline sign --replace"):
        retrain(load_params(), 3)
    assert "slimline sign --replace" in slimline("rollback", "--reason", "a", code=1)
    assert "Received: signatures of" in slimline("sign", "2", code=1)
    for version in ("1", "2"):
        assert "signatures of revoked keys are gone" in slimline("sign", version, "--replace")
    assert current(open_store(project.deployment.store), "shades", "production") == before
    assert "shades 1 is production" in slimline("rollback", "--reason", "a look back")
    assert "shades 2 is production" in slimline("promote", "--reason", "and forth")
    assert retrain(load_params(), 3) == 3
    assert "is now" in device(slimline, project, NEXT)


@on_a_server
def test_a_device_that_revokes_first_is_whole_again_after_it(slimline: Slimline, project: Params) -> None:
    Path("trusted").mkdir()
    Path("trusted/old.pub").write_bytes(public_path(OLD).read_bytes())
    fetch = ("fetch", "shades", "--to", "device", "--store", project.deployment.store, "--trusted-keys", "trusted")
    assert "shades 2 is now" in slimline(*fetch)
    lost = revoke()
    Path("trusted/revoked").write_text(f"{lost}  # stolen\n")
    assert "(revoked)" in slimline(*fetch, code=1)
    use_next(slimline)
    slimline("sign", "2", "--replace")
    assert "to be signed by a trusted key: none is known" in slimline(*fetch, code=1)
    Path("trusted/next.pub").write_bytes(public_path(NEXT).read_bytes())
    assert "shades 2 is now" in slimline(*fetch)
    assert "shades 2 was already" in slimline(*fetch)


@on_a_server
def test_a_forged_manifest_is_signed_in_no_way(slimline: Slimline, project: Params) -> None:
    forged = forge(project, 2, recipe="evil")
    copied = forge(project, 1, created="2020-01-01T00:00:00+00:00")
    revoke()
    use_next(slimline)
    set_params(["deployment.trust.allow_unsigned=true"])
    for version in ("1", "2"):
        said = slimline("sign", version, "--replace", code=1)
        assert "while this project has released" in said
        assert "Nothing was signed" in said
        slimline("sign", version, code=1)
        known = next(iter(released_here("shades", int(version))))
        assert "as was given" in slimline("sign", version, "--replace", "--sha256", known, code=1)
    assert "unknown option" in slimline("sign", "2", "--allow-unsigned", code=2).lower()
    store = open_store(project.deployment.store)
    assert store.get(release_key("shades", 2, MANIFEST)).content == forged
    assert store.get(release_key("shades", 1, MANIFEST)).content == copied


def test_a_manifest_at_anothers_place_is_not_signed(slimline: Slimline, project: Params) -> None:
    store = open_store(project.deployment.store)
    first = store.get(release_key("shades", 1, MANIFEST)).content
    store.put(release_key("shades", 2, MANIFEST), first)
    revoke()
    use_next(slimline)
    assert "Nothing was signed" in slimline("sign", "2", "--replace", code=1)
    digest = next(iter(released_here("shades", 1)))
    assert "to be about shades 2" in slimline("sign", "2", "--replace", "--sha256", digest, code=1)
    assert store.get(release_key("shades", 2, MANIFEST)).content == first


def test_where_the_project_has_no_record_its_history_or_a_person_vouches(slimline: Slimline, project: Params) -> None:
    digests = {version: next(iter(released_here("shades", version))) for version in (1, 2)}
    for path in FOLDER.iterdir():
        path.unlink()
    revoke()
    use_next(slimline)
    said = slimline("sign", "2", "--replace", code=1)
    assert "of which this project has no record" in said
    assert "--sha256" in said
    assert "Expected a SHA-256" in slimline("sign", "2", "--replace", "--sha256", "2", code=2)
    assert "--sha256 with --replace" in slimline("sign", "2", "--sha256", digests[2], code=2)
    slimline("sign", "2", "--replace", "--sha256", digests[2])
    subprocess.run(["git", "init", "--quiet"], check=True)
    for message in (release_message("shades", 1, digests[2]), release_message("shades", 11, digests[1])):
        git_commit(message)
    assert "Nothing was signed" in slimline("sign", "1", "--replace", code=1)
    git_commit(release_message("shades", 1, digests[1]))
    slimline("sign", "1", "--replace")
    assert "shades 1 is production" in slimline("rollback", "--reason", "a look back")


def git_commit(message: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "--message", message], check=True)


@on_a_server
def test_where_nothing_vouches_a_new_release_takes_the_channel_over(slimline: Slimline, project: Params) -> None:
    for path in FOLDER.iterdir():
        path.unlink()
    revoke()
    use_next(slimline)
    set_params(["deployment.channel=afresh"])
    assert retrain(load_params(), 3) == 3
    set_params(["deployment.channel=production"])
    assert "shades 3 is production" in slimline("promote", "--reason", "the key was lost")
    assert retrain(load_params(), 4) == 4
    assert "is now" in device(slimline, project, NEXT)
    assert "Received: signatures of" in slimline("rollback", "--reason", "too far", "--to", "2", code=1)


def test_the_key_that_signs_anew_is_one_that_the_project_trusts(slimline: Slimline, project: Params) -> None:
    revoke()
    slimline("keys", "new", str(NEXT))
    set_params([f"deployment.signing_key={NEXT}"])
    assert "which is not among deployment.trust.public_keys" in slimline("sign", "2", "--replace", code=2)


@pytest.fixture
def registry(project: Params) -> Registry:
    return registry_of(project.deployment)


def envelope(registry: Registry, version: int = 1) -> bytes:
    return registry.store.get(release_key("shades", version, MANIFEST)).content


def test_the_last_signature_that_readers_take_is_the_last_that_is_written(registry: Registry, store_url: str) -> None:
    for number in range(MAX_SIGNATURES - 1):
        sign(registry, 1, new_key(Path(f"keys/{number}.pem")))
    before = envelope(registry)
    with pytest.raises(ReleaseError, match=r"at most 16 signatures.*Received: 17\. Nothing was written"):
        sign(registry, 1, new_key(Path("keys/one-more.pem")))
    assert envelope(registry) == before
    assert read_manifest(registry.store, "shades", 1, registry.trust).manifest.version == 1
    sign(registry, 1, read_private(OLD))  # one that is there already is none more


def test_a_release_with_too_many_signatures_is_mended(registry: Registry) -> None:
    keys = [read_private(OLD), *(new_key(Path(f"keys/{number}.pem")) for number in range(MAX_SIGNATURES))]
    payload, _ = parts(envelope(registry), "it")
    many = json.loads(seal(payload, keys[:-1]))
    many["signatures"] += json.loads(seal(payload, keys[-1:]))["signatures"]
    registry.store.put(release_key("shades", 1, MANIFEST), (json.dumps(many, indent=2) + "\n").encode())
    with pytest.raises(Untrusted, match=r"at most 16 signatures. Received: 17"):
        read_manifest(registry.store, "shades", 1, registry.trust)
    gone = key_id(keys[-1].public_key())
    trust = load_trust([public_path(OLD)], revoked=[gone])
    mended = replace_signatures(Registry(registry.store, "shades", trust, None), 1, keys[0], ())
    assert mended.manifest.version == 1
    assert len(Envelope.model_validate_json(mended.envelope).signatures) == MAX_SIGNATURES


def test_signing_anew_keeps_the_signatures_of_others_and_drops_what_is_not_right(registry: Registry) -> None:
    stranger, friend = new_key(Path("keys/stranger.pem")), new_key(Path("keys/friend.pem"))
    sign(registry, 1, stranger)
    content = json.loads(sign(registry, 1, friend).envelope)
    content["signatures"][-1]["sig"] = content["signatures"][0]["sig"]  # the friend's is somebody else's
    registry.store.put(release_key("shades", 1, MANIFEST), (json.dumps(content, indent=2) + "\n").encode())
    mine = new_key(NEXT)
    trust = load_trust([public_path(path) for path in (OLD, NEXT, Path("keys/friend.pem"))])
    with pytest.raises(Untrusted, match="one that does not"):
        read_manifest(registry.store, "shades", 1, trust)
    signed = replace_signatures(Registry(registry.store, "shades", trust, None), 1, mine, ())
    names = [signature.keyid for signature in Envelope.model_validate_json(signed.envelope).signatures]
    assert names == [key_id(key.public_key()) for key in (read_private(OLD), stranger, mine)]
    assert signed.sha256 == hashlib.sha256(parts(signed.envelope, "it")[0]).hexdigest()
    assert open_manifest(signed.envelope, trust, "it").signed_by == (names[0], names[2])


def test_what_a_project_has_released_is_noted_before_anybody_can_see_it(
    project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(project.deployment.store)
    for version in (1, 2):
        assert released_here("shades", version) == {read_manifest(store, "shades", version, ANYBODY).sha256}
    assert released_here("shades", 3) == frozenset()
    assert released_here("others", 1) == frozenset()
    (FOLDER / f"{'0' * 64}.json").write_text("{")
    assert len(released_here("shades", 1)) == 1
