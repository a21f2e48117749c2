"""A run at work: it holds the project's folder, and whatever ends it, its stages end."""

import contextlib
from collections.abc import Iterator

from flows.line.interrupting import interruptible
from flows.line.reaper import enter_run, interrupt_run
from flows.line.stages import end_all
from flows.line.workspace import exclusive_run


@contextlib.contextmanager
def holding_project(run_id: str) -> Iterator[None]:
    """Hold the project for a run, after those that died here were closed.

    Args:
        run_id: the run.

    Raises:
        Busy: another run holds it.
    """

    def leave(words: str) -> None:
        end_all()
        interrupt_run(run_id, words)

    with exclusive_run(), interruptible(leave):
        enter_run(run_id)
        try:
            yield
        finally:
            end_all()
