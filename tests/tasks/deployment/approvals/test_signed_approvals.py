"""Signatures of approvers: a name that is typed proves nothing, a signature does; promotion and devices ask for it."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.config import Params, RequiredRoles, Role, Trusted
from tasks.deployment.approvals.approving import Reviewed, approve, review_sentence
from tasks.deployment.approvals.waiting import Terms
from tasks.deployment.device.client import fetch
from tasks.deployment.device.downloading import verify
from tasks.deployment.records import APPROVERS
from tasks.deployment.registry import current, read_manifest, release_key, sign_as_approver
from tasks.deployment.releases.channels import Why
from tasks.deployment.releases.promotion import Registry, promote, registry_of, rollback
from tasks.deployment.releases.publishing import publish
from tasks.deployment.reviews.stored import reviews
from tasks.deployment.stores.protocol import Store
from tasks.deployment.trust.keys import new_key, public_path, read_private
from tasks.deployment.trust.trusted import Trust, load_trust
from tasks.errors import ConfigError, Untrusted
from tests.tasks.deployment.project import write_project

ANN, BOB, EVE = Path("people/ann.pem"), Path("people/bob.pem"), Path("eve.pem")
WHY = Why("looked at", "ann")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'store'}"


@pytest.fixture
def signed(project: Params) -> Params:
    """A project with release 1 in staging that one of two approvers has to sign, and a stranger's key beside."""
    for path in (ANN, BOB, EVE):
        new_key(path)
    return waits(project, threshold=1)


def waits(project: Params, threshold: int) -> Params:
    trust = Trusted(require=RequiredRoles(approvers=Role(threshold=threshold, keys=("people",))))
    asked = {"approval": "required", "trust": trust}
    params = project.model_copy(update={"deployment": project.deployment.model_copy(update=asked)})
    publish(params)
    return params


def given(params: Params, key: Path | None, version: int = 1) -> Reviewed:
    terms = Terms(WHY, "a terminal on desk", 3, read_private(key) if key else None)
    return approve(registry_of(params.deployment), version, terms, datetime.now(UTC))


def device_keys(people: Sequence[Path], threshold: str | None = None) -> Trust:
    folder = Path("device_keys")
    (folder / "approvers").mkdir(parents=True, exist_ok=True)
    (folder / "local.pub").write_bytes(Path(".slimline/keys/local.pub").read_bytes())
    for path in people:
        (folder / "approvers" / f"{path.stem}.pub").write_bytes(public_path(path).read_bytes())
    if threshold is not None:
        (folder / "approvers/threshold").write_text(threshold)
    return load_trust(folder)


def production(store: Store) -> int | None:
    pointer = current(store, "shades", "production")
    return pointer.version if pointer else None


def test_an_approval_without_a_signature_is_none(signed: Params, store: Store) -> None:
    with pytest.raises(Untrusted, match=r"at least 1 of its approvers.*Received: none.*--key FILE"):
        given(signed, None)
    with pytest.raises(ConfigError, match="Expected a key of an approver"):
        given(signed, EVE)
    assert reviews(store, "shades", "staging") == []
    assert given(signed, BOB).has_moved
    assert production(store) == 1


def test_as_many_have_to_sign_as_is_said(project: Params, store: Store) -> None:
    for path in (ANN, BOB):
        new_key(path)
    params = waits(project, threshold=2)
    for _ in range(2):  # to sign twice is to sign once
        made = given(params, ANN)
        assert (made.review, made.missing) == (None, 1)
    assert review_sentence(registry_of(params.deployment), 1, made).endswith(
        "waits for that of 1 more of its approvers."
    )
    with pytest.raises(Untrusted, match=r"at least 2 of its approvers.*Received: 1"):
        given(params, None)
    assert given(params, BOB).has_moved
    assert production(store) == 1


def test_who_has_signed_elsewhere_may_answer_in_a_form(signed: Params, store: Store) -> None:
    registry = registry_of(signed.deployment)
    release = read_manifest(store, "shades", 1, registry.trust)
    assert sign_as_approver(store, release, read_private(ANN), registry.trust) == (1, 1)
    assert given(signed, None).has_moved


def test_promotion_and_rollback_ask_for_the_signature_too(project: Params, store: Store) -> None:
    for path in (ANN, BOB):
        new_key(path)
    publish(project)
    write_project(project, 3)
    publish(project)
    registry = registry_of(waits(project, threshold=1).deployment)
    with pytest.raises(Untrusted, match="at least 1 of its approvers"):
        rollback(registry, "production", WHY)
    with pytest.raises(Untrusted, match="slimline sign 2 --role approvers"):
        promote(replace(registry, approval="none"), 2, "beta", WHY)
    for version in (1, 2):
        sign_as_approver(
            store, read_manifest(store, "shades", version, registry.trust), read_private(ANN), registry.trust
        )
    assert rollback(registry, "production", WHY).version == 1


def test_a_device_takes_only_what_its_approvers_have_signed(signed: Params, store: Store, store_url: str) -> None:
    promote(without_approvers(signed), 1, "production", WHY)  # somebody who may write to the store
    strict = device_keys([ANN])
    with pytest.raises(Untrusted, match="at least 1 of its approvers"):
        fetch(store_url, "shades", "production", "device", strict)
    lenient = load_trust(public_path(Path(".slimline/keys/local.pem")))
    assert fetch(store_url, "shades", "production", "device", lenient).version == 1
    with pytest.raises(Untrusted, match="Received: none"):
        verify(Path("device/current"), strict)
    sign_as_approver(store, read_manifest(store, "shades", 1, strict), read_private(ANN), strict)
    fetched = fetch(store_url, "shades", "production", "device", strict)
    assert fetched.changed
    assert verify(fetched.path, strict).manifest.version == 1
    (Path("device_keys") / "revoked").write_text(f"{next(iter(strict.approvers.keys))}\n" if strict.approvers else "")
    with pytest.raises(Untrusted, match="Received: none"):
        verify(fetched.path, load_trust("device_keys"))
    with pytest.raises(Untrusted, match="at least 2 of its approvers"):
        verify(fetched.path, replace(device_keys([ANN, BOB], "2"), revoked=frozenset()))


def without_approvers(params: Params) -> Registry:
    registry = registry_of(params.deployment)
    return replace(registry, approval="none", trust=replace(registry.trust, approvers=None))


@pytest.mark.parametrize("change", ["other release", "manifest", "payload", "signature", "role", "nothing"])
def test_a_statement_that_was_changed_or_is_another_counts_for_nothing(
    signed: Params, store: Store, change: str
) -> None:
    registry = registry_of(signed.deployment)
    release = read_manifest(store, "shades", 1, registry.trust)
    sign_as_approver(store, release, read_private(ANN), registry.trust)
    key = release_key("shades", 1, APPROVERS)
    envelope = json.loads(store.get(key).content)
    payload = base64.b64decode(envelope["payload"])
    match change:
        case "other release":
            envelope["payload"] = encoded(payload.replace(b'"version": 1', b'"version": 2'))
        case "manifest":
            store.put(key, store.get(release_key("shades", 1, "manifest.dsse.json")).content)
        case "payload":
            envelope["payload"] = encoded(payload + b"\n")
        case "signature":
            envelope["signatures"][0]["sig"] = encoded(bytes(64))
        case "role":
            envelope["payloadType"] = "application/vnd.slimline.manifest+json"
        case _:
            envelope["signatures"] = []
    if change != "manifest":
        store.put(key, (json.dumps(envelope, indent=2) + "\n").encode())
    with pytest.raises(Untrusted):
        given(signed, None)
    assert production(store) is None


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(("threshold", "people"), [("2", [ANN]), ("0", [ANN]), ("many", [ANN]), (None, [])])
def test_a_device_that_could_never_be_content_is_told_so(
    signed: Params, threshold: str | None, people: list[Path]
) -> None:
    with pytest.raises(ConfigError, match="Expected device_keys/approvers"):
        device_keys(people, threshold)


def test_more_approvers_than_there_are_keys_are_refused(project: Params) -> None:
    new_key(ANN)
    with pytest.raises(ConfigError, match=r"deployment\.trust\.require\.approvers to name at least 2 public keys"):
        waits(project, threshold=2)
