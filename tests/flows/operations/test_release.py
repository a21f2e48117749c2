from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from ruamel.yaml import YAML

from flows.operations.release import promote_flow, rollback_flow
from tasks.config import Params
from tasks.deployment.releases.channels import trail
from tasks.deployment.releases.publishing import publish
from tasks.deployment.stores.opening import open_store
from tests.receivers import receiving
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project with two releases, whose params.yaml says so."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    for bias in (1, 2):
        write_project(params, bias)
        publish(params)
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))
    return params


@pytest.mark.usefixtures("prefect_server")
def test_an_operator_rolls_back_and_promotes_with_a_reason(project: Params) -> None:
    back: State[Any] = rollback_flow(reason="false alarms", return_state=True)
    assert back.name == "Rolled back"
    assert back.message == "shades 1 is production, before it was release 2: false alarms"
    again: State[Any] = promote_flow(reason="it was the sensor", return_state=True)
    assert again.name == "Promoted"
    newest, before, *_ = trail(open_store(project.deployment.store), "shades", "production")
    assert (newest.version, newest.reason, before.version, before.reason) == (2, "it was the sensor", 1, "false alarms")
    assert "run " in newest.moved_by


@pytest.mark.usefixtures("prefect_server")
def test_a_move_that_cannot_be_fails_the_run_and_says_why(project: Params) -> None:
    failed: State[Any] = promote_flow(reason="try", version=1, return_state=True)
    assert failed.is_failed()
    assert failed.message
    assert "Expected release 1 of shades in staging" in failed.message
    for wrong in ({"channel": "ships/alpha"}, {"channel": ""}, {"version": 0}):
        failed = promote_flow(reason="try", **wrong, return_state=True)
        assert "Expected the n" in str(failed.message)
    failed = rollback_flow(reason="try", channel="../alpha", return_state=True)
    assert "Expected the name of a channel" in str(failed.message)


@pytest.mark.usefixtures("prefect_server")
def test_people_are_told_of_moves_with_who_and_why(project: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}
    values = {**project.model_dump(mode="json"), "notify": {"targets": targets}}
    values["notify"] |= {"released": ["chat"], "rolled_back": ["chat"]}
    YAML().dump(values, Path("params.yaml"))
    with receiving() as receiver:
        monkeypatch.setenv("CHAT_URL", receiver.url)
        rollback_flow(reason="false alarms", return_state=True)
        promote_flow(reason="it was the sensor", return_state=True)
    told = [(each.json["event"], each.json["title"], each.json["sentence"]) for each in receiver.posts]
    assert told == [
        ("rolled_back", "shades is rolled back: 1 is production", "false alarms"),
        ("released", "shades 2 is production", "it was the sensor"),
    ]
    assert "run " in next(each["value"] for each in receiver.posts[0].json["details"] if each["name"] == "By")
