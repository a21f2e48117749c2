"""Runs that nobody executes any more: a killed process, a worker that died with it, a machine that vanished.

Prefect's own rule for it, an automation upon heartbeats that stay away, fires for runs that have ended, too. This one
asks the server: a run that counts as running and has not sent a heartbeat for long is dead, and one that a worker took
and never began is planned anew. The slot of the deployment's concurrency limit is free then.
"""

import time
from collections.abc import Callable, Hashable
from functools import partial
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry, Crashed

from flows.environment import HEARTBEAT_SECONDS
from flows.line.reaper import PROJECT, close_dead_runs, close_run
from flows.line.workspace import end_leftovers, held_if_free
from flows.service.commands import POOL
from flows.service.pulse import Pulse

MISSED = 3.0  # heartbeats: two may be lost
UNBEGUN_SECONDS = 100.0  # that a process may take to start on a busy machine
HEARTBEAT = "prefect.flow-run.heartbeat"
GONE = "No sign of life for three heartbeats: its process or machine is gone. The next run goes on."
UNBEGUN = "The worker that took it never began it."


class StaleRuns:
    """The duty to close runs that are dead, and to plan anew those that were never begun.

    Args:
        now: seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        beats = get_current_settings().flows.heartbeat_frequency or HEARTBEAT_SECONDS
        self._beating, self._waiting = Pulse(MISSED * beats, now), Pulse(UNBEGUN_SECONDS, now)

    def __call__(self) -> list[str]:
        """Look once; gives a line for each run that was closed or planned anew."""
        try:
            with get_client(sync_client=True) as client:
                return self._look(client)
        except Exception:
            self._beating.forget()
            self._waiting.forget()
            raise

    def _look(self, client: SyncPrefectClient) -> list[str]:
        begun = {run.id: run for run in _runs(client, StateType.RUNNING, StateType.CANCELLING)}
        taken = {run.id: run for run in _runs(client, StateType.PENDING)}
        dead = self._beating.silent({run: last_beat(client, run) for run in begun})
        unbegun = self._waiting.silent({run: each.state_id for run, each in taken.items()})
        told = []
        for run in (begun[_id(each)] for each in dead):
            close_run(client, run.id, Crashed(message=GONE))
            told.append(f"{run.name} is closed as crashed: {GONE}")
        for run in (taken[_id(each)] for each in unbegun):
            client.set_flow_run_state(run.id, AwaitingRetry(message=UNBEGUN), force=True)
            told.append(f"{run.name} is planned anew: {UNBEGUN}")
        return told


def tidy_folder() -> list[str]:
    """End what a killed run of this folder left running, and close it: while a run is at work, it holds the folder.

    Returns:
        a sentence for each thing done.
    """
    with held_if_free() as is_free:
        if not is_free:
            return []
        ended = end_leftovers()
        told = [f"process {pid} was left by a run that is gone, and is ended" for pid in ended]
        return [*told, *(f"run {run} is closed as crashed: its process was killed" for run in close_dead_runs(None))]


def _id(run: Hashable) -> UUID:
    assert isinstance(run, UUID)
    return run


def _runs(client: SyncPrefectClient, *types: StateType) -> list[FlowRun]:
    """Return the runs of slimline's worker and commands in these states: other programs may send no heartbeats."""
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
    read = partial(client.read_flow_runs, flow_run_filter=FlowRunFilter(state=state))
    return [run for run in read() if run.work_pool_name == POOL or any(tag.startswith(PROJECT) for tag in run.tags)]


def last_beat(client: SyncPrefectClient, run: UUID) -> Hashable:
    """Return the last heartbeat of a run, None where it has sent none.

    Args:
        client: of the server.
        run: its id.
    """
    of_the_run = EventResourceFilter(id=[f"prefect.flow-run.{run}"])
    page = client.read_events(EventFilter(event=EventNameFilter(name=[HEARTBEAT]), resource=of_the_run), limit=1)
    return page.events[0].id if page.events else None
