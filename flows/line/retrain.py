"""The line: code, fingerprint → load → train → compress* → evaluate* → benchmark → gate → decide → deploy → record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prefect import Task, flow, get_run_logger, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.line.artifacts import show_results
from flows.line.deciding import settle
from flows.line.reaper import close_dead_runs, project_tag
from flows.line.stages import StageFailed, end_all, may_succeed_later, run_stage
from flows.line.staleness import survey, told
from flows.line.workspace import exclusive_run
from flows.terminal import say
from tasks.compression.recipe import parse_recipes
from tasks.config import Params, expect_own_name, load_params
from tasks.deployment.records import Release
from tasks.deployment.releases.memory import released_here
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.deployment.releases.publishing import advance, route, upload
from tasks.deployment.releases.release_state import (
    already_released,
    already_staged,
    expect_release_possible,
    rolled_back_reason,
)
from tasks.errors import UNAVAILABLE, StoreError, WornOut
from tasks.evaluation.records import GATE, REPORT, Decision, GateReport
from tasks.evaluation.report import render
from tasks.evaluation.results import Results, load_results, read_decision
from tasks.files import write_text
from tasks.records import read_record
from tasks.text import visible
from tasks.versioning.dvc import push
from tasks.versioning.history import commit, head, release_message
from tasks.versioning.recorded import Mark, is_recorded, mark_recorded
from tasks.versioning.stages import Stage

OUTSIDE = {"fingerprint", "load", "production"}  # stages that reach for a source or a store
ALONE = {"benchmark"}  # stages that want the machine for themselves
Ending = Literal["Released", "Staged", "Nothing to do", "Held back"]


@dataclass(frozen=True)
class RunResult:
    """The end of a run, and the release that a channel points at now, if there is one."""

    ending: Ending
    sentence: str
    release: Release | None


def retrain(params: Params) -> RunResult:
    """Run the line once and return how it ended.

    Raises:
        ConfigError: a recipe does not fit, or data of one's own has a built-in's name.
        StageFailed: a stage ended with an error.
        SlimlineError: source, store or DVC do not do what was asked.
    """
    parse_recipes(params.recipes, params.teachers, params.data.workload)
    expect_own_name(params)
    runner: Any = ThreadPoolTaskRunner(max_workers=params.flow.parallel)
    with tags(project_tag()):
        state: State[Any] = retrain_flow.with_options(task_runner=runner)(return_state=True)
    result: RunResult = state.result()
    return result


@flow(name="retrain", persist_result=False, validate_parameters=False)
def retrain_flow() -> State[RunResult]:
    """Bring every stage up to date, release what passed the gate, keep the record of it."""
    params = load_params()
    with exclusive_run():
        close_dead_runs(alive=flow_run.id)
        try:
            registry = registry_of(params.deployment)
            expect_release_possible(params, registry)
            found = survey(params, registry)
            for names, why in told(found):
                _tell("stale", f"{names}: {why}")
            run_stages(found.stages, found.stale)
            result = conclude(params)
        finally:
            end_all()
        show_results(write_report(params))
    return Completed(name=result.ending, message=visible(result.sentence), data=result)


def run_stages(stages: Mapping[str, Stage], stale: frozenset[str]) -> None:
    """Run the graph: each stage as soon as those it reads from have ended, as many at once as params say.

    Raises:
        StageFailed: the first stage that ended with an error.
    """
    futures: dict[str, PrefectFuture[Any]] = {}
    for name in running_order(stages):
        stage = stages[name]
        before = list(futures.values()) if name in ALONE else [futures[need] for need in sorted(stage.needs)]
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
    """Stages in an order in which they can run, those that want the machine for themselves as late as can be."""
    after = set(ALONE)
    for name, stage in stages.items():
        if stage.needs & after:
            after.add(name)
    return sorted(stages, key=lambda name: (name in after) + (name in after - ALONE))


def conclude(params: Params) -> RunResult:
    """Decide about the chosen candidate if it is promising, release it if it passed, and keep the record of it.

    The store is opened once, and anew: since the run began hours may have gone by, and a key have been revoked.
    """
    verdict = read_record(GATE, GateReport)
    if not verdict.promising:
        return RunResult("Held back", verdict.sentence, None)
    registry = registry_of(params.deployment)
    current = already_released(params, registry) or already_staged(params, registry)
    if current is not None:
        if not is_recorded(current.manifest_sha256, mark_of(params, current)):
            record(params, current)  # the run that released it ended before it had done so
        return RunResult("Nothing to do", (read_decision(params) or verdict).sentence, current)
    if reason := rolled_back_reason(params, registry):
        return RunResult("Held back", reason, None)
    try:
        decision = decide(params, registry)
    except WornOut as error:
        return RunResult("Held back", str(error), None)
    if decision.outcome != "PASS":
        return RunResult("Held back", decision.sentence, None)
    release = deploy(params, registry)
    for channel in route(params.deployment, release):
        point = promote.with_options(name=channel)
        release = point(params, registry, release, channel)
    record(params, release)
    ending: Ending = "Released" if params.deployment.channel in release.channels else "Staged"
    return RunResult(ending, decision.sentence, release)


def write_report(params: Params) -> Results:
    """Write the report with the decision, if there is one about what the gate has chosen."""
    results = load_results(params)
    write_text(REPORT, render(results))
    return results


def _store_may_answer_later(_task: object, _run: object, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, StoreError) and error.exit_code == UNAVAILABLE


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def decide(params: Params, registry: Registry) -> Decision:
    """Enter the decision in the ledger, then ask the sealed test samples; a decision that is there is taken over."""
    decision = settle(params, registry)
    _tell("decide", decision.sentence)
    return decision


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def deploy(params: Params, registry: Registry) -> Release:
    """Put the chosen candidate into the store as a signed release."""
    release = upload(params, registry, *head())
    where = f"{params.deployment.model} {release.version} is in {params.deployment.store}"
    _tell("deploy", f"{where}, manifest {release.manifest_sha256}")
    return release


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_store_may_answer_later,
)
def promote(params: Params, registry: Registry, release: Release, channel: str) -> Release:
    """Fetch the release back, ask it its recorded samples and move a channel to it."""
    moved = advance(params, registry, release, channel)
    _tell(channel, f"{params.deployment.model} {release.version} answers as recorded and is {channel}")
    return moved


def _tell(topic: str, line: str) -> None:
    get_run_logger().info(visible(line))
    say(topic, line)


@task(cache_policy=NO_CACHE, persist_result=False)
def record(params: Params, release: Release) -> None:
    """Copy data and models to DVC's remote; commit what the release was made of. To do it again does no harm."""
    if params.versioning.push:
        _tell("record", f"{push()} files copied to the remote")
    if params.versioning.commit:
        made = commit(_message(params.deployment.model, release))
        _tell("record", f"commit {made}" if made else "nothing to commit")
    mark_recorded(release.manifest_sha256, mark_of(params, release))


def _message(model: str, release: Release) -> str:
    """The message of the commit of a release; it vouches for the manifest only if this project has made it."""
    made_here = release.manifest_sha256 in released_here(model, release.version)
    return release_message(model, release.version, release.manifest_sha256 if made_here else None)


def mark_of(params: Params, release: Release) -> Mark:
    """Return what is noted once the record of a release is kept."""
    asked = params.versioning
    return Mark(model=params.deployment.model, version=release.version, push=asked.push, commit=asked.commit)
