"""The line: code, fingerprint → load → train → compress* → evaluate* → benchmark → gate → decide → deploy → record."""

from collections.abc import Mapping
from typing import Any

from prefect import Task, flow, tags
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed

from flows.line.concluding import RunResult, conclude
from flows.line.guarding import end_before_training, end_before_work, expect_rules_fit, refusing_data
from flows.line.holding import holding_project
from flows.line.naming import cause_of, first_name, name_run, tag_outcome
from flows.line.notices import run_ended
from flows.line.parallel import STAGE_RUNNER
from flows.line.reaper import project_tag
from flows.line.retrying import asks_outside
from flows.line.showing import show_end, show_waiting
from flows.line.stages import StageFailed, may_succeed_later, run_stage
from flows.line.staleness import Survey, restore_outputs, survey, told
from flows.line.telling import tell
from flows.line.waiting import sweep_waiting
from flows.line.workspace import Busy
from tasks.causes import Cause
from tasks.compression.recipe import parse_recipes
from tasks.config import Params, expect_own_name, load_params
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.release_state import expect_release_possible
from tasks.evaluation.records import REPORT
from tasks.evaluation.report import render
from tasks.evaluation.results import Results, load_results
from tasks.files import write_text
from tasks.text import visible
from tasks.versioning.record import expect_recordable
from tasks.versioning.stages import Stage, with_needs
from tasks.watching.memory import note_trained

LOAD = "load"
OUTSIDE = {"fingerprint", "load", "production"}  # stages that reach for a source or a store
ALONE = {"benchmark"}  # stages that want the machine for themselves


def retrain(params: Params) -> RunResult:
    """Run the line once.

    Args:
        params: of the project.

    Returns:
        how it ended.

    Raises:
        ConfigError: a recipe does not fit, or data of one's own has a built-in's name.
        StageFailed: a stage ended with an error.
        SlimlineError: source, store or DVC do not do what was asked.
    """
    parse_recipes(params.recipes, params.teachers, params.data.workload)
    expect_own_name(params)
    expect_recordable(params.versioning, params.deployment.model)
    with tags(project_tag()):
        state: State[Any] = retrain_flow(return_state=True)
    result: RunResult = state.result()
    return result


@flow(
    name="retrain",
    flow_run_name=first_name,
    task_runner=STAGE_RUNNER,
    persist_result=False,
    validate_parameters=False,
    on_completion=[tag_outcome, run_ended],
    on_failure=[tag_outcome, run_ended],
    on_crashed=[tag_outcome, run_ended],
)
def retrain_flow(cause: dict[str, Any] | None = None) -> State[RunResult]:
    """Bring every stage up to date, release what passed the gate, keep the record of it.

    Args:
        cause: what an event has said of a change of the data; by default as Prefect knows it.
    """
    params = load_params()
    try:
        with holding_project(str(flow_run.id)):
            expect_recordable(params.versioning, params.deployment.model)
            began = cause_of(cause)
            name_run(params.deployment.model, began, began.data)
            result = run_line(params, registry_of(params.deployment), began)
    except Busy as error:  # a person's run: nothing has failed
        return Cancelled(name="Busy", message=visible(str(error)))
    show_waiting(params.deployment.model, result)
    return Completed(name=result.ending, message=visible(result.sentence), data=result)


@asks_outside
def guard(params: Params, registry: Registry, cause: Cause) -> RunResult | None:
    """Finish what a person has decided, and find out whether a run must not begin on the data that there is.

    Args:
        params: of the project.
        registry: the project's, open.
        cause: of the run.

    Returns:
        the end of a run that must not begin; None where it goes on.

    Raises:
        SlimlineError: source or store do not answer or do not do what was asked.
    """
    sweep_waiting(params, registry)
    return end_before_work(params, registry, cause)


@asks_outside
def look(params: Params) -> Survey:
    """Ask source and store which stages have something to do, and whether there could be a release.

    Args:
        params: of the project.

    Returns:
        all stages, and those that are stale.

    Raises:
        SlimlineError: source or store do not answer or do not do what was asked.
    """
    registry = registry_of(params.deployment)
    expect_release_possible(params, registry)
    for sentence in restore_outputs(params):
        tell("restore", sentence)
    return survey(params, registry)


def run_line(params: Params, registry: Registry, cause: Cause) -> RunResult:
    """Run all stages and conclude, unless the data was trained on, was refused, or waits for a person.

    Args:
        params: of the project.
        registry: the project's, open.
        cause: of the run.

    Returns:
        how the run ended.

    Raises:
        ConfigError: a rule of the gate is about a class that the data has not.
        StageFailed: a stage ended with an error.
        SlimlineError: source, store or DVC do not do what was asked.
    """
    if early := guard(params, registry, cause):
        return early
    found = look(params)
    name_run(params.deployment.model, cause, found.data)
    for names, why in told(found):
        tell("stale", f"{names}: {why}")
    first = with_needs(found.stages, [LOAD]) if LOAD in found.stale else {}
    with refusing_data(registry):
        run_stages(first, found.stale)
    if first and (early := end_before_training(params, registry, cause)):
        return early
    expect_rules_fit(params)
    run_stages({name: stage for name, stage in found.stages.items() if name not in first}, found.stale)
    result = conclude(params, cause.sentence)
    note_trained(params, registry, result.ending)
    show_end(params, registry, write_report(params), result, cause)
    return result


def run_stages(stages: Mapping[str, Stage], stale: frozenset[str]) -> None:
    """Run stages: each as soon as those among them that it reads from have ended, as many at once as params say.

    Args:
        stages: by name.
        stale: names of those that have something to do.

    Raises:
        StageFailed: the first stage that ended with an error.
    """
    futures: dict[str, PrefectFuture[Any]] = {}
    for name in running_order(stages):
        stage = stages[name]
        before = (
            list(futures.values())
            if name in ALONE
            else [futures[need] for need in sorted(stage.needs & futures.keys())]
        )
        body: Task[..., Any] = run_stage.with_options(
            name=name.split("@")[0],
            retries=2 if name in OUTSIDE else 0,
            retry_condition_fn=may_succeed_later,
        )
        futures[name] = body.submit(name, name not in stale, wait_for=before)
    failed = None
    for future in futures.values():
        future.wait()
        error = future.state.result(raise_on_failure=False) if future.state.is_failed() else None
        if failed is None and isinstance(error, StageFailed):
            failed = error
    if failed is not None:
        raise failed
    if not all(future.state.is_completed() for future in futures.values()):
        raise StageFailed("retrain", "a stage was cancelled or crashed: see the run's page", 1)


def running_order(stages: Mapping[str, Stage]) -> list[str]:
    """Return stages in an order in which they can run, those that want the machine for themselves as late as can be.

    Args:
        stages: by name, in an order in which they can run.
    """
    after = set(ALONE)
    for name, stage in stages.items():
        if stage.needs & after:
            after.add(name)
    return sorted(stages, key=lambda name: (name in after) + (name in after - ALONE))


def write_report(params: Params) -> Results:
    """Write the report with the decision, if there is one about what the gate has chosen.

    Args:
        params: of the project.

    Returns:
        the results that it is of.
    """
    results = load_results(params)
    write_text(REPORT, render(results))
    return results
