import base64
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import State, StateType
from prefect.events import emit_event
from prefect.settings import get_current_settings
from prefect.states import Crashed, Pending, Running, Scheduled

from flows.line.reaper import enter_run, project_tag
from flows.service.stale_runs import HEARTBEAT, MISSED, StaleRuns, last_beat, tidy_folder
from tests.flows.line.test_workspace import holder

SILENT_SECONDS = MISSED * 30
NOT_ENDED = FlowRunFilter(
    state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
)
pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def line() -> None:
    pass


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(get_current_settings().flows, "heartbeat_frequency", 30)
    with get_client(sync_client=True) as client:  # other tests of the session may have left runs that never end
        for left in client.read_flow_runs(flow_run_filter=NOT_ENDED):
            client.set_flow_run_state(left.id, Crashed(), force=True)


def new_run(client: SyncPrefectClient, state: "State[None]", *tags: str) -> UUID:
    return client.create_flow_run(line, tags=tags or [project_tag()], state=state).id


def state_name(client: SyncPrefectClient, run: UUID) -> str:
    state = client.read_flow_run(run).state
    assert state is not None
    return str(state.name)


def beat(client: SyncPrefectClient, run: UUID) -> None:
    """Send a heartbeat, as the process of a run does, and wait until the server has it."""
    before = last_beat(client, run)
    emit_event(HEARTBEAT, resource={"prefect.resource.id": f"prefect.flow-run.{run}"})
    deadline = time.monotonic() + 60
    while last_beat(client, run) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # the server tells nobody that it has written an event


def test_a_run_without_a_heartbeat_is_closed_and_one_that_beats_is_not() -> None:
    clock = [0.0]
    look = StaleRuns(lambda: clock[0])
    with get_client(sync_client=True) as client:
        alive, dead = new_run(client, Running()), new_run(client, Running())
        foreign = new_run(client, Running(), "somebody")
        beat(client, alive)
        assert look() == []
        clock[0] = SILENT_SECONDS - 1
        beat(client, alive)
        assert look() == []
        clock[0] = SILENT_SECONDS
        (told,) = look()
        assert "No sign of life" in told
        assert [state_name(client, run) for run in (alive, dead, foreign)] == ["Running", "Crashed", "Running"]
        clock[0] += SILENT_SECONDS
        look()
        assert state_name(client, alive) == "Crashed"


def test_nobody_is_closed_when_the_server_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    look = StaleRuns(lambda: clock[0])
    with get_client(sync_client=True) as client:
        run = new_run(client, Running())
        look()
        clock[0] = SILENT_SECONDS
        with monkeypatch.context() as patch:

            def away(*_: object, **__: object) -> None:
                raise ConnectionError("refused")

            patch.setattr(SyncPrefectClient, "read_flow_runs", away)
            with pytest.raises(ConnectionError):
                look()
        assert look() == []
        assert state_name(client, run) == "Running"
        clock[0] += SILENT_SECONDS
        assert len(look()) == 1


def test_a_run_that_a_worker_took_and_never_began_is_planned_anew() -> None:
    clock = [0.0]
    look = StaleRuns(lambda: clock[0])
    with get_client(sync_client=True) as client:
        run = new_run(client, Pending())
        assert look() == []
        clock[0] = 120
        (told,) = look()
        assert "planned anew" in told
        state = client.read_flow_run(run).state
        assert state is not None
        assert state.is_scheduled()


def test_what_a_killed_run_of_this_folder_left_is_closed_at_once_and_a_living_one_is_not() -> None:
    with get_client(sync_client=True) as client:
        run = new_run(client, Running())
        with holder() as process:
            assert tidy_folder() == []
            assert state_name(client, run) == "Running"
            process.kill()
            process.wait(60)
        (told,) = tidy_folder()
        assert str(run) in told
        assert state_name(client, run) == "Crashed"


def deployment_runs(client: SyncPrefectClient) -> dict[str, UUID]:
    """Make runs of two deployments, some of them as an automation would."""
    flow_id = client.create_flow(line)
    here, there = (client.create_deployment(flow_id=flow_id, name=name) for name in ("here", "there"))
    name = base64.b64encode(b"data changed").decode()
    headers = {"Prefect-Automation-Id": str(uuid4()), "Prefect-Automation-Name": name}

    def run(asking: SyncPrefectClient, deployment: UUID, hours: int) -> UUID:
        at: State[None] = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(hours=hours))
        return asking.create_flow_run_from_deployment(deployment, state=at).id

    with get_client(sync_client=True, httpx_settings={"headers": headers}) as automation:
        runs = {
            "began": run(client, here, 0),
            "missed": run(automation, here, -5),
            "by a person": run(client, here, -4),
            "tomorrow": run(automation, here, 20),
            "elsewhere": run(automation, there, -5),
        }
    client.set_flow_run_state(runs["began"], Running(), force=True)
    return runs


def test_a_run_that_begins_covers_those_that_no_person_asked_for() -> None:
    with get_client(sync_client=True) as client:
        runs = deployment_runs(client)
        enter_run(str(runs["began"]))
        assert {name: state_name(client, run) for name, run in runs.items()} == {
            "began": "Running",
            "missed": "Covered",
            "by a person": "Scheduled",
            "tomorrow": "Scheduled",
            "elsewhere": "Scheduled",
        }
        assert project_tag() in client.read_flow_run(runs["began"]).tags
