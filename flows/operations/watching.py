"""The watch over the source, on an interval: it starts a run when the data has changed, and asks a person first."""

from datetime import UTC, datetime
from time import sleep

from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.events import emit_event
from prefect.states import Completed

from flows.line.naming import named
from flows.line.notices import tell_of
from flows.line.workspace import holder
from tasks.config import Params, load_params
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.notifying.events import data_changed, data_waits
from tasks.records import write_record
from tasks.text import visible
from tasks.versioning.dvc import remote_urls
from tasks.watching.apart import expect_apart
from tasks.watching.judging import Judgement, judge
from tasks.watching.looking import look
from tasks.watching.memory import forget_waiting, note_waiting, recall
from tasks.watching.quiet import wait_until_quiet
from tasks.watching.records import LAST_LOOK, LastLook, SourceState

CHANGED = "slimline.data.changed"  # starts a run, see `triggers` in prefect.yaml
WAITING = "slimline.data.waiting"  # for those who are to be told
RETRAIN = "retrain"  # the deployment that the event starts
NOT_ENDED = (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING)


@flow(name="watch", flow_run_name=named(lambda _: "a look at the source"), persist_result=False)
def watch_flow() -> State[str]:
    """Look whether the source has changed since the last run that finished, and let a run begin on it if so."""
    params = load_params()
    expect_apart(params, remote_urls())
    registry, model = registry_of(params.deployment), params.deployment.model
    found = _settled(params, registry)
    name: str = found.kind if found else "NotQuiet"
    if found and found.kind != "AwaitingConsent":
        forget_waiting(registry, None if found.kind == "Unchanged" else found.state.digest)
    words = found.sentence if found else "The source goes on changing: no run begins on half of a batch."
    if found and found.kind == "AwaitingConsent":
        if note_waiting(registry, found.state.digest, found.reasons, found.classes):
            _emit(WAITING, params, found)
            command = f"slimline approve {model} --data {found.state.digest[:12]} --reason …"
            tell_of(data_waits(model, found.state.digest, words, command))
    elif found and found.kind == "Changed":
        if busy := _under_way(found.state.digest):
            name, words = "UnderWay", f"{words} {busy}"
        else:
            _emit(CHANGED, params, found)
            tell_of(data_changed(model, found.state.digest, words))
    write_record(LAST_LOOK, LastLook(at=datetime.now(UTC).isoformat(timespec="seconds"), kind=name, sentence=words))
    get_run_logger().info(visible(words))
    return Completed(name=name, message=visible(words), data=name)


def _settled(params: Params, registry: Registry) -> Judgement | None:
    """Judge the source once it is quiet; None where it goes on changing. What was trained on needs no wait."""

    def look_now() -> SourceState:
        return look(params.data)

    def judged(state: SourceState) -> Judgement:
        return judge(params, state, recall(registry, state.digest))

    first = look_now()
    found = judged(first)
    if found.kind not in ("Changed", "AwaitingConsent"):
        return found
    quiet = wait_until_quiet(first, look_now, sleep, params.watch.quiet)
    return None if quiet is None else judged(quiet)


def _under_way(digest: str) -> str | None:
    """Return why no run needs to be started: one on this state waits or works, or one holds the project's folder."""
    if holder() is not None:
        return "A run is under way in this folder; the next look sees what it came to."
    waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(NOT_ENDED))))
    retrain = DeploymentFilter(name=DeploymentFilterName(any_=[RETRAIN]))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=waiting, deployment_filter=retrain)
    causes = [run.parameters.get("cause") for run in runs]
    if any(isinstance(cause, dict) and cause.get("data") == digest for cause in causes):
        return "A run on it waits or works already."
    return None


def _emit(event: str, params: Params, found: Judgement) -> None:
    """Say on the server what was seen; it is said again at the next look, unless a run came of it."""
    model = params.deployment.model
    resource = {"prefect.resource.id": f"slimline.model.{model}", "prefect.resource.name": model}
    emit_event(event, resource=resource, payload=found.payload())
