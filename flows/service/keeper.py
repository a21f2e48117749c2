"""`python -P -m flows.service.keeper`: small duties of the service, each done again and again, whatever befalls it.

A duty that fails is told of in the log, once for each reason, and done again when its time comes.
"""

import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.terminal import log
from tasks.processes import end_group_with_parent


@dataclass(frozen=True)
class Duty:
    """Work that the keeper does again and again.

    ``name``: in its log; ``seconds``: from its end to its next beginning; ``work``: gives lines about what it did;
    ``anywhere``: also beside a server that has no project.
    """

    name: str
    seconds: float
    work: Callable[[], Iterable[str]]
    anywhere: bool = False


def duties() -> list[Duty]:
    """Return the table of duties that there are in this folder."""
    from tasks.config import PARAMS

    return [duty for duty in table() if duty.anywhere or Path(PARAMS).exists()]


def table() -> list[Duty]:
    """Return the table of all duties; what they need is imported here, so that a defect of one shows in the log."""
    from flows.line.notices import send_due
    from flows.operations.approval import sweep_approvals
    from flows.service.stale_runs import StaleRuns, tidy_folder

    return [
        Duty("stale runs", 10, StaleRuns(), anywhere=True),
        Duty("left behind", 10, tidy_folder, anywhere=True),
        Duty("approvals", 60, sweep_approvals),
        Duty("notices", 5, send_due),
    ]


def keep(duties: Sequence[Duty], ended: threading.Event, log: Callable[[str], None]) -> None:
    """Do duties until the end is told, each in a thread of its own: a slow one holds up no other.

    Args:
        duties: each with its interval.
        ended: is set at the end.
        log: is told of a duty that fails.
    """
    threads = [threading.Thread(target=_repeat, args=(duty, ended, log), daemon=True) for duty in duties]
    for thread in threads:
        thread.start()
    ended.wait()


def _repeat(duty: Duty, ended: threading.Event, log: Callable[[str], None]) -> None:
    reason = ""
    while not ended.is_set():
        try:
            for line in duty.work():
                log(f"{duty.name}: {line}")
            now = ""
        except Exception as error:
            now = f"{type(error).__name__}: {error}"
            if now != reason:
                log(f"{duty.name}: {now}\n{''.join(traceback.format_exception(error))}")
        if reason and not now:
            log(f"{duty.name}: it works again")
        reason = now
        ended.wait(duty.seconds)


if __name__ == "__main__":
    end_group_with_parent()
    log("the keeper is at work")
    keep(duties(), threading.Event(), log)
