"""Tasks that ask a source or a store, and ask once more where it did not answer."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from flows.line.naming import task_name
from tasks.errors import UNAVAILABLE, SlimlineError


def _may_answer_later(_task: object, _run: object, state: State[Any]) -> bool:
    """Retry only what another try can mend: a source or a store that did not answer."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, SlimlineError) and error.exit_code == UNAVAILABLE


asks_outside = task(
    task_run_name=task_name,
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_may_answer_later,
)
