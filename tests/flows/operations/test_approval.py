from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from ruamel.yaml import YAML

from flows.operations.approval import approve_flow, sweep_approvals
from tasks.config import Params
from tasks.deployment.registry import current
from tasks.deployment.releases.channels import trail
from tasks.deployment.releases.publishing import publish
from tasks.deployment.reviews.stored import reviews
from tasks.deployment.stores.opening import open_store
from tests.tasks.deployment.project import params_for, write_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A project with release 1 in staging, where it waits, whose params.yaml says so."""
    monkeypatch.chdir(tmp_path)
    params = params_for(f"file://{tmp_path / 'store'}")
    params = params.model_copy(update={"deployment": params.deployment.model_copy(update={"approval": "required"})})
    write_project(params)
    publish(params)
    write_params(params)
    return params


def write_params(params: Params) -> None:
    with Path("params.yaml").open("w") as file:
        YAML().dump(params.model_dump(mode="json"), file)


def answer(**given: str) -> State[Any]:
    form = {"release": "shades@1", "decision": "approve", "name": "Ann", "reason": "looked at"}
    state: State[Any] = approve_flow(**(form | given), return_state=True)
    return state


@pytest.mark.usefixtures("prefect_server")
def test_a_person_approves_in_a_form_and_the_trail_names_them_and_the_run(project: Params) -> None:
    state = answer(release=" shades@1 ")
    assert (state.name, state.message) == ("Approved", "shades 1 is approved and is production now.")
    move = next(trail(open_store(project.deployment.store), "shades", "production"))
    assert move.moved_by.startswith("Ann (a form, run ")
    again = answer(name="Bob")
    assert again.is_completed()
    assert "Nothing is written again: Ann has approved" in str(again.message)
    assert "slimline rollback" in str(answer(decision="reject").message)


@pytest.mark.usefixtures("prefect_server")
def test_a_form_that_cannot_be_carried_out_fails_and_says_why(project: Params) -> None:
    for given, words in {
        ("release", "shades"): "Expected MODEL@VERSION",
        ("release", "shades@7"): "Received: release 1",
        ("decision", "perhaps"): "decision",
        ("name", ""): "name",
        ("reason", "a" * 2001): "reason",
    }.items():
        state = answer(**dict([given]))
        assert state.is_failed()
        assert words in str(state.message)
    assert current(open_store(project.deployment.store), "shades", "production") is None
    assert answer(decision="reject").name == "Rejected"


def test_the_sweep_needs_no_server(project: Params) -> None:
    assert sweep_approvals() == []
    brief = project.deployment.model_copy(update={"approval_days": 1e-9})
    write_params(project.model_copy(update={"deployment": brief}))
    assert "Nobody has approved it within" in " ".join(sweep_approvals())
    (review,) = reviews(open_store(project.deployment.store), "shades", "staging")
    assert review.expired
