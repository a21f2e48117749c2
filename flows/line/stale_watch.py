"""A watch that looks at the source no more: switched on, and nothing of it has come to an end for long."""

from datetime import datetime, timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort

from tasks.notifying.events import Event, watch_stale

WATCH = "watch"  # the deployment, of prefect.yaml, and its flow
TIMES, LEAST, OTHERWISE = 4, timedelta(minutes=15), timedelta(days=2)  # of its interval; at least; of another schedule
WRONG = (StateType.FAILED, StateType.CRASHED)


def stale_watch(client: SyncPrefectClient, model: str, now: datetime) -> Event | None:
    """Return the event that the watch has not looked at the source for long; None where it has, or is switched off.

    Args:
        client: of the server.
        model: the model's name.
        now: with a time zone.
    """
    named = DeploymentFilter(name=DeploymentFilterName(any_=[WATCH]))
    for watch in client.read_deployments(deployment_filter=named):
        active = [schedule for schedule in watch.schedules if schedule.active]
        if watch.paused or not active:
            continue
        last = _last(client, watch, (StateType.COMPLETED,))
        known = [last.end_time if last else None, watch.created, *(schedule.updated for schedule in active)]
        since = max((at for at in known if at is not None), default=now)
        if now - since > min(map(_allowed, active)):
            seen = last.end_time.isoformat(timespec="seconds") if last and last.end_time else ""
            return watch_stale(model, seen, _sentence(_last(client, watch, WRONG), last))
    return None


def _allowed(schedule: DeploymentSchedule) -> timedelta:
    """Return the silence that a schedule allows."""
    every = schedule.schedule.interval if isinstance(schedule.schedule, IntervalSchedule) else None
    return OTHERWISE if every is None else max(LEAST, TIMES * every)


def _last(client: SyncPrefectClient, watch: DeploymentResponse, types: tuple[StateType, ...]) -> FlowRun | None:
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[watch.id])),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return runs[0] if runs else None


def _sentence(wrong: FlowRun | None, last: FlowRun | None) -> str:
    said = "No look at the source has come to an end for long, so new data are not seen."
    if (
        wrong is None
        or wrong.state is None
        or (last and wrong.end_time and last.end_time and wrong.end_time < last.end_time)
    ):
        return f"{said} Is a worker up? See `slimline status`."
    return f"{said} The last one ended as {wrong.state.name}: {wrong.state.message or 'it gave no reason'}"
