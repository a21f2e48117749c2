"""Runs that died without a word: a process that was killed leaves its run "Running" for ever."""

from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed


def project_tag() -> str:
    """The tag on all runs of this folder."""
    return f"project:{Path.cwd()}"


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
            client.set_flow_run_state(run, Crashed(message="Its process was killed."), force=True)
    return [str(run) for run in dead]
