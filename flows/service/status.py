"""The state of a project's line: what runs, what waits for whom, the last release, what comes next."""

from datetime import datetime

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectException

from flows.environment import LOGIN
from flows.service.commands import POOL, ServiceError
from tasks.records import Record

SHOWN = 20  # runs of each kind, at most
AT_WORK = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.PAUSED)


class Run(Record):
    """A run on the server: under way, or planned. ``at``: since when, or for when (UTC, ISO 8601)."""

    name: str
    deployment: str | None
    state: str
    at: str | None


class ServerStatus(Record):
    """The state of a ready server. ``workers``: how many ask for work."""

    workers: int
    runs: tuple[Run, ...]
    planned: tuple[Run, ...]


def server_status() -> ServerStatus:
    """Ask the server, the one that Prefect's settings name.

    Returns:
        what runs, what comes next, and who works.

    Raises:
        ServiceError: it does not answer, wants a login, or has no work pool.
    """
    try:
        return _ask()
    except (httpx.HTTPError, PrefectException) as error:
        raise ServiceError(
            f"Expected Prefect's server to say what runs. Received: {error}. "
            f"Start it with `slimline up`, or set {LOGIN} where it wants a login."
        ) from None


def _ask() -> ServerStatus:
    with get_client(sync_client=True) as client:
        names = {each.id: each.name for each in client.read_deployments(deployment_filter=DeploymentFilter())}

        def told(run: FlowRun, at: datetime | None) -> Run:
            name = names.get(run.deployment_id) if run.deployment_id else None
            return Run(name=run.name, deployment=name, state=run.state_name or "", at=at.isoformat() if at else None)

        at_work = _runs(client, AT_WORK, FlowRunSort.START_TIME_DESC)
        planned = _runs(client, (StateType.SCHEDULED,), FlowRunSort.EXPECTED_START_TIME_ASC)
        return ServerStatus(
            workers=sum(worker.status == "ONLINE" for worker in client.read_workers_for_work_pool(POOL)),
            runs=tuple(told(run, run.start_time or run.expected_start_time) for run in at_work),
            planned=tuple(told(run, run.expected_start_time) for run in planned),
        )


def _runs(client: SyncPrefectClient, types: tuple[StateType, ...], sort: FlowRunSort) -> list[FlowRun]:
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(state=state), sort=sort, limit=SHOWN)
