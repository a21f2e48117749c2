"""The name and the tags of a run, by which a person finds it on Prefect's pages."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.runtime import task_run

from tasks.causes import HAND, PAGES, SCHEDULE, Cause, read_cause, run_name, run_tags
from tasks.config import load_params
from tasks.errors import SlimlineError
from tasks.text import visible

FORGIVEN = (httpx.HTTPError, PrefectException, OSError)  # no run fails for want of a name
NOBODY = "slimline"  # stands for the model where params.yaml does not say which
MOST = 100  # characters of what a person has typed
OUTCOME = "outcome:"  # how the tag begins that says how a run ended


def cause_of(given: object) -> Cause:
    """Return why this run began: what an event has said, else what Prefect knows of the run.

    Args:
        given: the parameter ``cause`` of the run.
    """
    if given is not None:
        return read_cause(given)
    run = _this_run()
    if run is None or run.deployment_id is None:
        return HAND
    return SCHEDULE if run.auto_scheduled else PAGES


def first_name() -> str:
    """Return the name of a run of the line in its first moment: nobody has looked at its data yet."""
    cause = cause_of(_given().get("cause"))
    return run_name(_model(), cause, cause.data)


def named(words: Callable[[Mapping[str, Any]], str]) -> Callable[[], str]:
    """Return the function that names the runs of a flow.

    Args:
        words: makes what stands behind the model's name, of the parameters that were given.
    """
    return lambda: f"{_model()}, {visible(words(_given()))[:MOST]}"


def name_run(model: str, cause: Cause, digest: str | None) -> None:
    """Give this run its name and its tags, and again once its data is known.

    Args:
        model: the name under which it is released.
        cause: of the run.
        digest: of the source's listing; None while nobody has looked.
    """
    run = _this_run()
    if run is not None:
        run.name = run_name(model, cause, digest)
        _update(run, run_tags(model, cause), run.name)


def tag_outcome(flow: object, flow_run: FlowRun, state: State[Any]) -> None:
    """Tag a run with how it ended, as a hook of its flow.

    Args:
        flow: of no account.
        flow_run: that has ended.
        state: its last one.
    """
    del flow
    if state.name:
        _update(flow_run, (f"{OUTCOME}{state.name}",))


def task_name() -> str:
    """Return the name of a run of a task: the task's own, without the digits that Prefect puts behind it."""
    return task_run.task_name or "task"


def _update(run: FlowRun, tags: tuple[str, ...], name: str | None = None) -> None:
    """Write tags beside those that a run has, and its name where one is given."""
    try:
        with get_client(sync_client=True) as client:
            known = client.read_flow_run(run.id).tags
            client.update_flow_run(run.id, name=name, tags=[*known, *(tag for tag in tags if tag not in known)])
    except FORGIVEN:
        return


def _this_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def _given() -> Mapping[str, Any]:
    context = FlowRunContext.get()
    return (context.parameters or {}) if context else {}


def _model() -> str:
    try:
        return load_params().deployment.model
    except SlimlineError:  # the run itself says what is wrong with it
        return NOBODY
