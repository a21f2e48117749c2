"""Notices to people: where events of the line come from, and when their messages go out.

The process that sees an event puts its message into the project's outbox, and sends it if it can at once. What it did
not come to is sent by the next process that looks: the service's keeper every few seconds (:func:`send_due`), else the
next run. Runs whose process died are found by their final states on Prefect's server.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flows.terminal import say
from tasks.config import PARAMS, Notify, load_notify
from tasks.errors import ConfigError, SlimlineError
from tasks.notifying import events
from tasks.notifying.events import Event, Move, Run
from tasks.notifying.outbox import Outbox
from tasks.notifying.sending import Sender

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

    from tasks.deployment.records import Pointer

AT_ONCE = 20.0  # seconds that a run or a command spends on messages at its end, beside one that is under way
WRAPPED = re.compile(r"^Flow run encountered an exception: (?:\w+: )?")  # Prefect's words before an error's own
ONE = 15.0  # seconds that one message may take there
Claim = Callable[[Event], bool]


def unclaimed(event: Event) -> bool:
    """Return True: nobody else sees the event.

    Args:
        event: of this folder alone.
    """
    del event
    return True


def tell_of(*found: Event, claim: Claim = unclaimed) -> None:
    """Put events into the outbox, for those who asked to be told of them, and send them.

    What happened has happened: if nobody can be told, that is all that is said.

    Args:
        found: the events.
        claim: see :func:`post`.
    """
    loaded = _load()
    try:
        if loaded is not None and post(loaded[1], found, claim=claim):
            _say(send(loaded[1]))
    except (SlimlineError, OSError) as error:
        say("notify", f"Nobody could be told: {error}")


def keep_for_later(*found: Event, claim: Claim = unclaimed) -> None:
    """Put events into the outbox; whoever looks next sends them, as the hook at a run's end.

    Args:
        found: the events.
        claim: see :func:`post`.
    """
    loaded = _load()
    try:
        if loaded is not None:
            post(loaded[1], found, claim=claim)
    except OSError as error:
        say("notify", f"Nobody can be told: {error}")


def post(notify: Notify, found: Sequence[Event], outbox: Outbox | None = None, claim: Claim = unclaimed) -> bool:
    """Put events into the outbox.

    Args:
        notify: who is told of what.
        found: the events.
        outbox: by default that of this folder.
        claim: gives for an event that somebody is to be told of whether it is this folder's to tell.

    Returns:
        whether there was a new one.
    """
    outbox = outbox or Outbox()
    is_new = False
    for event in found:
        targets = notify.told_of(event.kind) if event.kind != "test" else ()
        if targets and claim(event):
            is_new |= outbox.post(event, targets)
    return is_new


def send(notify: Notify, seconds: float = AT_ONCE, one: float = ONE) -> list[str]:
    """Send what is due.

    Args:
        notify: who is told, and how.
        seconds: after which no further message is begun.
        one: seconds that one message may take.

    Returns:
        a line for each message.
    """
    outbox = Outbox()
    if not outbox.waiting():
        return []
    from flows.line.claims import claims

    with claims(outbox) as claim:
        outcomes = Sender(notify, outbox, claim, one=one).send_due(seconds)
    return [f"{each.target}, {each.event.title}: {each.state}. {each.why}" for each in outcomes]


def send_due(seconds: float = AT_ONCE) -> list[str]:
    """Look after what nobody else has sent: a duty of the service's keeper, in the project's folder.

    Runs that ended since it looked last are looked at, dead ones above all, and a watch that is silent; what waits is
    sent. It takes some 40 seconds at most, where receivers are silent.

    Args:
        seconds: after which no further message is begun.

    Returns:
        a line for each message that was sent, or was not.
    """
    loaded = _load()
    if loaded is None or not loaded[1].targets:
        return []
    from flows.line.ended_runs import ended_runs

    model, notify = loaded
    outbox = Outbox()
    with ended_runs(outbox, model) as found:
        ends = [event for run, state in found.runs if (event := about_run(model, run, state))]
        post(notify, [*ends, *([found.stale] if found.stale else [])], outbox)
    return send(notify, seconds)


def run_ended(flow: object, flow_run: "FlowRun", state: "State[Any]") -> None:
    """Tell of the end of a run, as a hook of its flow; Prefect calls it after the last retry.

    Args:
        flow: of no account.
        flow_run: that has ended.
        state: its last one.
    """
    del flow
    loaded = _load()
    if loaded is None:
        return
    model, notify = loaded
    if event := about_run(model, flow_run, state):
        post(notify, [event])
    _say(send(notify))


def about_run(model: str, run: "FlowRun", state: "State[Any]") -> Event | None:
    """Return the event that a run's final state is; None where nobody is to be told.

    Args:
        model: the model's name.
        run: that has ended.
        state: its last one.
    """
    said = WRAPPED.sub("", state.message or "")
    seen = Run(str(run.id), run.name, said, cause_of(run), page_of(run))
    if state.is_failed() or state.is_crashed():
        return events.run_failed(model, seen, state.name or state.type.value)
    return events.held_back(model, seen) if state.name == "Held back" else None


def cause_of(run: "FlowRun") -> str | None:
    """Return why a run was started, in a few words, as its parameters or its deployment say.

    Args:
        run: of the server.
    """
    cause = (run.parameters or {}).get("cause")
    sentence = cause.get("sentence") if isinstance(cause, dict) else cause
    if isinstance(sentence, str) and sentence:
        return sentence
    return "by its schedule" if run.auto_scheduled else None


def page_of(run: "FlowRun") -> str | None:
    """Return the address of a run's page.

    Args:
        run: of the server.
    """
    from prefect.utilities.urls import url_for

    return url_for("flow-run", obj_id=run.id)


def about_move(model: str, store: str, channel: str, pointer: "Pointer", figures: str = "") -> Event:
    """Return the event that a channel's move is, the same whoever sees it.

    Args:
        model: the model's name.
        store: its URL.
        channel: that has moved.
        pointer: where it points to now.
        figures: of the release.
    """
    move = Move(
        key=f"{store} {channel} {pointer.generation} {pointer.manifest_sha256}",
        channel=channel,
        version=pointer.version,
        previous=pointer.previous,
        by=pointer.moved_by,
        reason=pointer.reason,
        figures=figures,
    )
    make: Callable[[str, Move], Event] = events.rolled_back if pointer.kind == "rollback" else events.released
    return make(model, move)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        say("notify", line)


def _load() -> tuple[str, Notify] | None:
    try:
        return load_notify(PARAMS)
    except ConfigError as error:
        say("notify", str(error))
        return None
