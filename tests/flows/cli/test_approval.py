"""The commands for the person who is asked, from the project's folder, and what `slimline status` says meanwhile."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows import environment
from flows.cli import summary
from flows.line import retrain
from flows.line.concluding import RunResult
from flows.service import run_server
from tasks.config import Params, load_params
from tasks.deployment.registry import find_releases
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tasks.evaluation.results import Results
from tasks.versioning.params_file import set_params
from tests.commands import Slimline
from tests.receivers import nobody_else, receiving
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project with release 1 in staging, where it waits, whose params.yaml says so."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("SLIMLINE_ACTOR", "ann")
    params = params_for(f"file://{tmp_path / 'store'}")
    params = params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": "required"})})
    write_project(params)
    publish(params)
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))
    return params


def asked(slimline: Slimline, *arguments: str) -> Any:
    return json.loads(slimline(*arguments, "--json"))


@pytest.mark.usefixtures("project")
def test_a_release_waits_is_approved_and_is_on_the_trail(slimline: Slimline) -> None:
    waits = asked(slimline, "status")["waiting"]
    assert (waits["version"], waits["command"]) == (1, "slimline approve shades@1 --reason …")
    assert "for a person until 20" in slimline("status")
    refused = slimline("promote", "--reason", "I may", code=1)
    assert "`slimline approve shades@1 --reason …`" in refused
    assert slimline("approve", "shades@1", "--reason", "looked at") == "shades 1 is approved and is production now.\n"
    said = slimline("approve", "shades@1", "--reason", "again")
    assert "shades 1 is production already. Nothing is written again: ann has approved it at" in said
    assert asked(slimline, "status")["waiting"] is None
    (move,) = asked(slimline, "audit")
    assert move["moved_by"].startswith("ann (a terminal on ")
    assert move["reason"] == "looked at"
    made = asked(slimline, "approve", "shades@1", "--reason", "again")
    assert (made["review"]["by"], made["is_new"], made["has_moved"]) == ("ann", False, False)


def test_people_are_told_of_an_approval_once(
    slimline: Slimline, project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "prepare", lambda: None)
    monkeypatch.setattr("flows.line.claims.claims", nobody_else)
    targets = {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}
    values = {**project.model_dump(mode="json"), "notify": {"targets": targets, "released": ["chat"]}}
    YAML().dump(values, Path("params.yaml"))
    with receiving() as receiver:
        monkeypatch.setenv("CHAT_URL", receiver.url)
        for _ in range(2):
            slimline("approve", "shades@1", "--reason", "looked at")
    (got,) = receiver.posts
    assert (got.json["title"], got.json["sentence"]) == ("shades 1 is production", "looked at")


@pytest.mark.usefixtures("project")
def test_a_rejection_is_on_the_trail_and_moves_nothing(slimline: Slimline) -> None:
    said = slimline("reject", "shades@1", "--reason", "too dark")
    assert said == "shades 1 is rejected and stays in staging.\n"
    assert "ann has rejected it" in slimline("approve", "shades@1", "--reason", "but", code=1)
    status = asked(slimline, "status")
    assert (status["waiting"], status["released"]) == (None, None)
    review, move = asked(slimline, "audit", "--channel", "staging")
    told = tuple(review[key] for key in ("kind", "decision", "reason", "by"))
    assert told == ("review", "rejected", "too dark", "ann")
    assert review["origin"].startswith("a terminal on ")
    assert move["kind"] == "promote"
    table = slimline("audit", "--channel", "staging")
    assert "rejected" in table
    assert "too dark" in table


@pytest.mark.usefixtures("project")
def test_what_is_no_release_that_waits_is_refused(slimline: Slimline) -> None:
    for command in ("approve", "reject"):
        assert "Expected MODEL@VERSION" in slimline(command, "shades", "--reason", "a", code=2)
        assert "--reason" in slimline(command, "shades@1", code=2)
        assert "for the audit trail" in slimline(command, "shades@1", "--reason", " ", code=2)
        assert "Received: release 1" in slimline(command, "shades@2", "--reason", "a", code=1)
        assert "Received: none" in slimline(command, "others@1", "--reason", "a", code=1)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("ending", "code"), [("Released", 0), ("Nothing to do", 0), ("Held back", 3), ("AwaitingApproval", 5)]
)
def test_a_run_says_by_its_exit_code_how_it_ended_and_how_to_answer(
    slimline: Slimline, monkeypatch: pytest.MonkeyPatch, ending: Any, code: int
) -> None:
    set_params(["recipes.float32=[{technique: quantize, mode: float16}]"])
    found = find_releases(open_store(load_params().deployment.store), "shades")[0][0]
    ended = RunResult(ending, "It ends so.", None if ending == "Held back" else found)
    monkeypatch.setattr(retrain, "retrain", lambda _: ended)
    monkeypatch.setattr(summary, "load_results", lambda _: Results)
    monkeypatch.setattr(summary, "print_results", lambda _: None)
    monkeypatch.setattr(run_server, "server_at_hand", contextlib.nullcontext)
    for part in ("gate", "decision"):
        monkeypatch.setattr(Results, part, None)
    said = slimline("run", code=code)
    assert ending in said
    assert ("slimline reject shades@1 --reason …" in said) == (ending == "AwaitingApproval")


def test_an_approver_signs_with_a_key_of_their_own(slimline: Slimline, project: Params, tmp_path: Path) -> None:
    slimline("keys", "new", "../ann.pem")
    set_params(
        [
            "deployment.trust.require={approvers: {keys: [../ann.pub]}}",
            "recipes.float32=[{technique: quantize, mode: float16}]",
        ]
    )
    assert "Received: none" in slimline("approve", "shades@1", "--reason", "a", code=1)
    assert "Expected --role with --key" in slimline("sign", "1", "--role", "approvers", code=2)
    refused = slimline("approve", "shades@1", "--reason", "a", "--key", ".slimline/keys/local.pem", code=2)
    assert "Expected a key of an approver" in refused
    assert "is production now" in slimline("approve", "shades@1", "--reason", "a", "--key", "../ann.pem")
    store, device = project.deployment.store, str(tmp_path / "device")
    slimline("fetch", "shades", "--store", store, "--channel", "production", "--to", device)
    assert (tmp_path / "device/1/approvers.dsse.json").exists()
    said = slimline("sign", "1", "--role", "approvers", "--key", "../ann.pem")
    assert said.endswith(": 1 of 1 signatures of approvers\n")
