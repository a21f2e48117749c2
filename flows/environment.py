"""Environment variables that the libraries below read: offline, quiet, and inside the project's folder."""

import json
import os
from pathlib import Path

import psutil

from tasks.files import write_text

STATE = Path(".slimline")
SERVICE = STATE / "service"  # logs of the processes that `slimline up` keeps, and where its server answers
LOCK = SERVICE / "up.lock"  # held while it is up
RECORD = SERVICE / "service.json"
API = "PREFECT_API_URL"
SERVER_LOGIN, LOGIN = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"  # one string for server and clients
WORKSPACE = "SLIMLINE_WORKSPACE"  # marks the processes of a run, so that a later run finds what a dead one left

HEARTBEAT_SECONDS = 30  # between the signs of life of a run, the least that Prefect takes

DEFAULTS = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # the pages of version 2 ask an analytics host from the browser, whatever else is set
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # the terminal gets slimline's own lines; the run's log in the UI gets them all
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}


def prepare(project: Path = Path()) -> None:
    """Set defaults for whatever the user has not set; call it before Prefect is imported.

    Where the project's service is up, its server is used. Else Prefect keeps its database in the project's
    ``.slimline/prefect``, unless the user has a server or a profile.

    Args:
        project: its folder.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if SERVER_LOGIN in os.environ:
        os.environ.setdefault(LOGIN, os.environ[SERVER_LOGIN])
    if API in os.environ:
        return
    if service := read_address(project):
        os.environ[API] = f"{service[0]}/api"
    if not (Path.home() / ".prefect" / "profiles.toml").exists():
        home = (project / STATE / "prefect").resolve()
        home.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("PREFECT_HOME", str(home))


def write_address(address: str, project: Path = Path()) -> None:
    """Note where the project's service answers, and that this process is the one that keeps it up.

    Args:
        address: of the server, as ``http://127.0.0.1:4200``.
        project: its folder.
    """
    me = psutil.Process()
    content = json.dumps({"address": address, "pid": me.pid, "begun": me.create_time()})
    write_text(project / RECORD, content)


def read_address(project: Path = Path()) -> tuple[str, int] | None:
    """Return the address of the project's service, and the process that keeps it up.

    Args:
        project: its folder.

    Returns:
        None where the service is not up, or has not come so far.
    """
    try:
        record = json.loads((project / RECORD).read_text(encoding="utf-8"))
        if psutil.Process(record["pid"]).create_time() == record["begun"]:
            return str(record["address"]), int(record["pid"])
    except (OSError, ValueError, TypeError, KeyError, psutil.Error):
        pass
    return None
