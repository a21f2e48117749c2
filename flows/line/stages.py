"""One DVC stage as one Prefect task: a subprocess in a group of its own, its lines in the run's log, a named state."""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.environment import WORKSPACE
from flows.line.progress import StagePage
from flows.terminal import say
from tasks.errors import UNAVAILABLE
from tasks.processes import end_group, process_group
from tasks.quiet import NATIVE
from tasks.text import visible
from tasks.versioning.dvc import ERROR, Progress, exit_code, is_chatter, progress_of, repro_command
from tasks.versioning.environment import stage_environment

_groups: set[int] = set()
_guard = threading.Lock()


class StageFailed(Exception):
    """A stage ended with an error; the message is what it said last."""

    def __init__(self, stage: str, message: str, code: int) -> None:
        super().__init__(message)
        self.stage, self.message, self.code = stage, message, code


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False, retry_delay_seconds=10)
def run_stage(name: str, fresh: bool) -> State[str]:
    """Bring a stage up to date; a fresh one starts no process.

    Args:
        name: of the stage.
        fresh: whether it has nothing to do.

    Returns:
        a state with the name of what happened.
    """
    logger = get_run_logger()
    if fresh:
        return Completed(name="Unchanged", message="Neither inputs nor parameters changed.")
    page = StagePage(name)

    def log(line: str) -> None:
        logger.info(line)
        page.see(line)

    progress = follow(repro_command(name), name, log)
    page.end(progress)
    return Completed(name=progress)


def may_succeed_later(_task: object, _run: object, state: State[str]) -> bool:
    """Return whether another try can mend what failed: a source or a store that did not answer.

    Args:
        _task: of no account.
        _run: of no account.
        state: the failed one.
    """
    error = state.result(raise_on_failure=False)
    return isinstance(error, StageFailed) and error.code == UNAVAILABLE


def follow(command: list[str], stage: str, log: Callable[[str], None]) -> Progress:
    """Run a stage, pass its lines on as they come, and tell what happened.

    Args:
        command: that brings the stage up to date.
        stage: its name.
        log: is told each line.

    Returns:
        ``Ran``, ``Restored`` or ``Unchanged``.

    Raises:
        StageFailed: it ended with an error.
    """
    progress: Progress = "Ran"
    code = 1
    errors: list[str] = []
    with _group(command) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.rstrip()
            progress = progress_of(line) or progress
            if not line or is_chatter(line) or line.startswith(NATIVE):
                continue
            line = visible(line)
            if errors or line.startswith("error: "):
                errors.append(line.removeprefix("error: "))
                code = exit_code(line) or code
            log(line)
            say(stage, line)
    if process.returncode:
        message = (
            "\n".join(line for line in errors if not line.startswith(ERROR)) or f"it ended with {process.returncode}"
        )
        raise StageFailed(stage, message, code)
    return progress


@contextlib.contextmanager
def _group(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process group that :func:`end_all` knows of."""
    with process_group(command, stage_environment({WORKSPACE: str(Path.cwd())})) as process:
        with _guard:
            _groups.add(process.pid)
        try:
            yield process
        finally:
            with _guard:
                _groups.discard(process.pid)


def end_all() -> None:
    """Kill every stage that runs: the flow was cancelled."""
    with _guard:
        leaders = list(_groups)
    for leader in leaders:
        end_group(leader)
