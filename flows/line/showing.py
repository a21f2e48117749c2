"""Artifacts at the end of a run: its results, its line of the history, and what waits for a person.

What a run came to has happened when this is called: where it cannot be shown, that is said, and no run fails for it.
"""

import contextlib
from collections.abc import Iterator

import httpx
from prefect.exceptions import PrefectException

from flows.line.artifacts import show_release, show_results
from flows.line.asking import show_question
from flows.line.concluding import RunResult
from flows.line.past_runs import keep_history
from flows.line.telling import tell
from tasks.causes import DIGITS, Cause
from tasks.config import Params
from tasks.deployment.releases.promotion import Registry
from tasks.evaluation.results import Results

APPROVE, APPROVE_DATA = "approve", "approve-data"  # deployments of prefect.yaml


def show_end(params: Params, registry: Registry, results: Results, result: RunResult, cause: Cause) -> None:
    """Show what a finished run found out and came to.

    Args:
        params: of the project.
        registry: the project's, open.
        results: of the stages.
        result: the end of the run.
        cause: of the run.
    """
    with _said_where_not():
        show_results(results)
        if result.release:
            show_release(result.release, registry.store.url)
    with _said_where_not():
        keep_history(params, registry, results, result, cause)


def show_waiting(model: str, result: RunResult) -> None:
    """Show what waits for a person, if the run ended for that.

    Args:
        model: the name under which it is released.
        result: the end of the run.
    """
    if result.ending == "AwaitingApproval" and result.release:
        about, deployment = f"{model}@{result.release.version}", APPROVE
    elif result.ending == "AwaitingConsent" and result.waits:
        about, deployment = f"{model} --data {result.waits[:DIGITS]}", APPROVE_DATA
    else:
        return
    commands = [f"slimline {answer} {about} --reason …" for answer in ("approve", "reject")]
    with _said_where_not():
        show_question(result.sentence, commands, deployment)


@contextlib.contextmanager
def _said_where_not() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        tell("pages", f"Prefect's server did not take what the pages show: {error}")
