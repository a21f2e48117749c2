"""Environment variables that the libraries below read: offline, quiet, and inside the project's folder."""

import os
from pathlib import Path

STATE = Path(".slimline")
WORKSPACE = "SLIMLINE_WORKSPACE"  # marks the processes of a run, so that a later run finds what a dead one left

DEFAULTS = {
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

    Prefect keeps its database in the project's ``.slimline/prefect``, unless the user has a server or a profile.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    has_profile = (Path.home() / ".prefect" / "profiles.toml").exists()
    if "PREFECT_API_URL" not in os.environ and not has_profile:
        home = (project / STATE / "prefect").resolve()
        home.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("PREFECT_HOME", str(home))
