"""The watch as a flow: what it says on the server, and when it says nothing."""

from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Scheduled
from ruamel.yaml import YAML

from flows.line.retrain import retrain_flow
from flows.line.workspace import exclusive_run
from flows.operations import watching
from flows.operations.watching import CHANGED, WAITING, watch_flow
from tasks.config import Params
from tasks.errors import ConfigError
from tasks.records import read_record
from tasks.watching.looking import look
from tasks.watching.memory import read_unanswered
from tasks.watching.records import LAST_LOOK, LastLook
from tests.tasks.watching.material import FILES, params_of, registry_for, train, write_files

pytestmark = pytest.mark.usefixtures("prefect_server")
Events = list[tuple[str, dict[str, str], dict[str, Any]]]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    params = params_of(quiet=0)
    YAML().dump(params.model_dump(mode="json"), Path("params.yaml"))
    write_files(FILES)
    return params


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """The sentence of the watch."""
    said: Events = []

    def emit(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
        said.append((event, resource, payload))

    monkeypatch.setattr(watching, "emit_event", emit)
    return said


def watch() -> State[Any]:
    state: State[Any] = watch_flow(return_state=True)
    assert state.is_completed(), state.message
    assert read_record(LAST_LOOK, LastLook).kind == state.name
    return state


def test_a_change_is_said_until_a_run_has_finished_on_it(params: Params, events: Events) -> None:
    train(params, {"cat": 10, "dog": 10})
    write_files({"cat/new.png": b"x"})
    assert [watch().name for _ in range(2)] == ["Changed", "Changed"]
    assert [event for event, _, _ in events] == [CHANGED, CHANGED]
    _, resource, payload = events[0]
    assert resource["prefect.resource.id"] == "slimline.model.pets"
    assert payload["digest"] == look(params.data).digest
    assert payload["difference"]["classes"] == {"cat": {"added": 1, "removed": 0, "changed": 0}}
    with exclusive_run():
        assert watch().name == "UnderWay"
    train(params, {"cat": 11, "dog": 10}, "Held back")
    assert watch().name == "Unchanged"
    assert len(events) == 2


def test_what_waits_for_a_person_is_said_once_and_begins_nothing(params: Params, events: Events) -> None:
    train(params, {"cat": 10, "dog": 10})
    write_files({"bird/1.png": b"x"})
    assert [watch().name for _ in range(2)] == ["AwaitingConsent"] * 2
    ((event, _, payload),) = events
    assert (event, payload["reasons"]) == (WAITING, ["A class is new: bird."])
    assert read_unanswered(registry_for(params))
    Path("pets/bird/1.png").unlink()
    assert watch().name == "Unchanged"
    assert read_unanswered(registry_for(params)) is None


def test_a_run_that_waits_for_its_turn_is_not_asked_for_again(params: Params, events: Events) -> None:
    digest = look(params.data).digest
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(retrain_flow)
        deployment = client.create_deployment(flow_id, "retrain")
        client.create_flow_run_from_deployment(deployment, parameters={"cause": {"data": "f" * 64}}, state=Scheduled())
        assert watch().name == "Changed"
        client.create_flow_run_from_deployment(deployment, parameters={"cause": {"data": digest}}, state=Scheduled())
        assert watch().name == "UnderWay"
    assert len(events) == 1


def test_a_batch_that_still_arrives_is_waited_for(
    params: Params, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    YAML().dump(params_of(quiet=30).model_dump(mode="json"), Path("params.yaml"))
    waited: list[float] = []

    def upload(seconds: float) -> None:
        waited.append(seconds)
        write_files({f"cat/new{len(waited)}.png": b"x"})

    monkeypatch.setattr(watching, "sleep", upload)
    state: State[Any] = watch_flow(return_state=True)
    assert state.name == "NotQuiet"
    assert events == []


def test_a_source_that_each_run_would_change_fails_the_watch(params: Params) -> None:
    YAML().dump(params_of(".").model_dump(mode="json"), Path("params.yaml"))
    with pytest.raises(ConfigError, match="each run would change it"):
        watch_flow()
