"""Runs that ended without a word: a process that was killed leaves its run "Running" for ever."""

import socket
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Crashed
from prefect.types._datetime import now

PROJECT = "project:"  # how the tag begins that is on the runs of a folder
AUTOMATIC = {"SCHEDULE", "AUTOMATION"}  # who asks for runs and is no person
KILLED = "Its process was killed."


def project_tag() -> str:
    """Return the tag on all runs of this folder of this machine."""
    return f"{PROJECT}{socket.gethostname()}:{Path.cwd()}"


def enter_run(run_id: str) -> list[str]:
    """Tag a run as one of this folder, and close those that died here; call it while holding the folder.

    Args:
        run_id: the run that is really running.

    Returns:
        the runs that were closed.
    """
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(run_id))
        if project_tag() not in run.tags:  # a worker has started it
            client.update_flow_run(run.id, tags=[*run.tags, project_tag()])
        if run.deployment_id:
            _close_covered(client, run, run.deployment_id)
    return close_dead_runs(alive=run_id)


def _close_covered(client: SyncPrefectClient, run: FlowRun, deployment: UUID) -> None:
    """Close runs of a deployment that are due and that no person asked for: this one does their work.

    After a downtime every run that was missed waits; each would look at the same data and settings. What a person asked
    for stays.
    """
    due = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=now("UTC")),
    )
    for other in client.read_flow_runs(flow_run_filter=due):
        asked_by = other.created_by.type if other.created_by else None
        if other.id != run.id and (other.auto_scheduled or asked_by in AUTOMATIC):
            covered: State = Cancelled(name="Covered", message=f"The run {run.name} does its work.")
            client.set_flow_run_state(other.id, covered, force=True)


def close_dead_runs(alive: str | None) -> list[str]:
    """Mark runs of this folder as crashed that still count as running; call it while holding the folder.

    Args:
        alive: the run that is really running.

    Returns:
        the runs that were marked.
    """
    running = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[project_tag()]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
    )
    with get_client(sync_client=True) as client:
        dead = [run.id for run in client.read_flow_runs(flow_run_filter=running) if str(run.id) != alive]
        for run in dead:
            close_run(client, run, Crashed(message=KILLED))
    return [str(run) for run in dead]


def interrupt_run(run_id: str, words: str) -> None:
    """Mark a run as cancelled by a person or a supervisor.

    Args:
        run_id: the run.
        words: what happened.
    """
    with get_client(sync_client=True) as client:
        close_run(client, UUID(run_id), Cancelled(name="Interrupted", message=f"The run was {words}."))


def close_run(client: SyncPrefectClient, run: UUID, state: State) -> None:
    """Set the last state of a run that nothing executes any more, and of its tasks that count as running.

    Args:
        client: of the server.
        run: its id.
        state: its last one.
    """
    client.set_flow_run_state(run, state, force=True)
    running = client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.RUNNING]))),
    )
    for task in running:
        client.set_task_run_state(task.id, State(type=state.type, name=state.name, message=state.message), force=True)
