"""The command ``notify``: try those who are told of events, and see what became of messages."""

import os
import time
from typing import Annotated

from cyclopts import Parameter

from flows.cli.options import Json
from flows.terminal import print_json, tell
from tasks.errors import ConfigError, NotifyError

SHOWN = 20  # messages in the list
FAILED = 1  # exit code: a target did not take its test


def notify(
    *targets: str,
    test: Annotated[bool, Parameter(name="--test", negative="", help="Send a message to each target now.")] = False,
    json: Json = False,
) -> int:
    """List the last messages and what became of them, or try the targets of params.yaml.

    Exit codes: 0 all that was tried was taken, 1 something was not.

    Parameters
    ----------
    targets
        Names of targets; by default all.
    """
    from tasks.config import load_params

    params = load_params()
    unknown = [name for name in targets if name not in params.notify.targets]
    if unknown or not params.notify.targets:
        known = ", ".join(params.notify.targets) or "none"
        raise ConfigError(
            f"Expected targets of notify.targets in params.yaml, which has: {known}. "
            f"Received: {unknown[0] if unknown else 'no name'}. See docs/how-to/notifications.md."
        )
    chosen = targets or tuple(params.notify.targets)
    rows = _tried(chosen) if test else _listed(chosen)
    if json:
        print_json(rows)
    else:
        for row in rows:
            tell(*row.values())
        if not rows:
            tell("No messages yet. `slimline notify --test` sends one to each target.")
    return FAILED if test and any(row["state"] != "sent" for row in rows) else 0


def _tried(chosen: tuple[str, ...]) -> list[dict[str, str]]:
    from tasks.config import load_params
    from tasks.notifying.events import trial
    from tasks.notifying.sending import deliver

    params, rows = load_params(), []
    for name in chosen:
        began, state = time.monotonic(), "sent"
        event = trial(params.deployment.model, name)
        try:
            said = deliver(params.notify.targets[name], event, "", os.environ, lambda: None)
        except NotifyError as error:
            state, said = "not sent", str(error)
        rows.append({"target": name, "state": state, "seconds": f"{time.monotonic() - began:.1f} s", "said": said})
    return rows


def _listed(chosen: tuple[str, ...]) -> list[dict[str, str]]:
    from tasks.notifying.outbox import Outbox

    found = [
        {"at": entry.event.at, "target": target, "state": fate.state, "title": entry.event.title, "said": fate.why}
        for entry, target, fate in Outbox().history()
        if target in chosen
    ]
    return found[:SHOWN]
