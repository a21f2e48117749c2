"""Runs of this project that ended since somebody looked last, by their final states on Prefect's server.

A run whose process died says nothing itself: its worker, the service or an automation marks it as crashed later. So
final states are what counts here. A run counts as this project's if it has its tag, or is of a deployment: a server
that several projects share has the deployments of one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import PrefectException

from flows.line.claims import forget_claims
from flows.line.reaper import project_tag
from flows.line.stale_watch import WATCH, stale_watch
from flows.terminal import say
from tasks.errors import DataError
from tasks.notifying.events import Event
from tasks.notifying.outbox import Outbox
from tasks.records import Record, read_record, write_record

AGAIN = timedelta(minutes=10)  # looked at once more: clocks differ, and states come late
LONGEST = timedelta(days=1)  # nobody wants to be told of older ends
SETTLED = timedelta(seconds=10)  # that a run counts as crashed before people are told: it may yet prove to be alive
WATCH_EVERY = timedelta(minutes=1)  # the watch is looked after more seldom
SHOWN = 200  # ends of each kind, the newest
ENDS = (
    FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.FAILED, StateType.CRASHED])),
    FlowRunFilterState(name=FlowRunFilterStateName(any_=["Held back"])),
)


class Looked(Record):
    """The times of the first look, of the last, and of the last one after the watch (UTC, ISO 8601)."""

    first: str
    last: str
    watch: str = ""


@dataclass(frozen=True)
class Found:
    """Runs that ended since the last time, each with its final state, and the event of a watch that is stale."""

    runs: tuple[tuple[FlowRun, State[object]], ...] = ()
    stale: Event | None = None


@contextmanager
def ended_runs(outbox: Outbox, model: str) -> Iterator[Found]:
    """Yield what happened since the last time, and note at the block's end that it was looked at.

    The first time there is nothing: what happened before somebody began to look is no news. Where the server does not
    answer there is nothing either, and the next time gives it.

    Args:
        outbox: of the folder.
        model: the model's name.
    """
    path, now = outbox.folder / "looked.json", datetime.now(UTC)
    try:
        looked = read_record(path, Looked)
    except DataError:
        write_record(path, Looked(first=now.isoformat(), last=now.isoformat()))
        yield Found()
        return
    first, last = datetime.fromisoformat(looked.first), datetime.fromisoformat(looked.last)
    sees_watch = not looked.watch or now - datetime.fromisoformat(looked.watch) > WATCH_EVERY
    try:
        with get_client(sync_client=True) as client:
            runs = tuple(_ended(client, max(first, last - AGAIN, now - LONGEST), now))
            stale = stale_watch(client, model, now) if sees_watch else None
            if now.hour != last.hour:
                forget_claims(client)
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        say("notify", f"Prefect's server does not say which runs ended: {error}")
        yield Found()
        return
    yield Found(runs, stale)
    update = {"last": now.isoformat(), **({"watch": now.isoformat()} if sees_watch else {})}
    write_record(path, looked.model_copy(update=update))


def _ended(client: SyncPrefectClient, after: datetime, now: datetime) -> Iterator[tuple[FlowRun, State[object]]]:
    ended_after = FlowRunFilterEndTime(after_=after)
    looks = _flows_of_watch(client)
    for end in ENDS:
        wanted = FlowRunFilter(state=end, end_time=ended_after)
        for run in client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=SHOWN):
            if run.state is None or run.parent_task_run_id is not None or run.flow_id in looks or not _is_ours(run):
                continue
            if run.state.is_crashed() and run.end_time is not None and now - run.end_time < SETTLED:
                continue
            yield run, run.state


def _flows_of_watch(client: SyncPrefectClient) -> set[UUID]:
    """Return the flow that looks at the source every few minutes: of its silence people are told once."""
    return {flow.id for flow in client.read_flows(flow_filter=FlowFilter(name=FlowFilterName(any_=[WATCH])))}


def _is_ours(run: FlowRun) -> bool:
    return run.deployment_id is not None or project_tag() in run.tags
