"""A server for one run, where neither the project nor the user has one that is up.

Prefect would start one, but in the terminal's own process group: Ctrl-C would reach it, and the run would then wait
for a server that is gone.
"""

import contextlib
import os
import queue
from collections.abc import Iterator
from pathlib import Path

from flows.environment import API, SERVICE, WORKSPACE
from flows.service.children import Child
from flows.service.commands import attached
from flows.service.running import SERVER_SECONDS
from flows.service.server import free_port, server_environment, wait_until_ready

SENDING_SECONDS = 10.0  # that events and log lines of the run may take
# runs are planned, found late and cleared away by the service
SETTINGS = {
    f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false"
    for name in ("SCHEDULER", "LATE_RUNS", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS", "FOREMAN", "TRIGGERS")
} | {"PREFECT_SERVER_UI_ENABLED": "false"}


@contextlib.contextmanager
def server_at_hand() -> Iterator[None]:
    """Let the runs of this process have a server: one that the settings name, or one of its own.

    Raises:
        ServiceError: it does not get ready.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    if get_current_settings().api.url:
        yield
        return
    address = f"http://127.0.0.1:{free_port()}"
    environment = {**server_environment(os.environ, address), **SETTINGS, WORKSPACE: str(Path.cwd())}
    port = address.rpartition(":")[2]
    command = attached("server", "start", "--host", "127.0.0.1", "--port", port)
    server = Child("run-server", command, environment, SERVICE, queue.SimpleQueue())
    server.start()
    try:
        wait_until_ready(address, server)
        os.environ[API] = f"{address}/api"
        refresh_global_settings_context()
        yield
        _send_what_waits()
    finally:
        server.stop(SERVER_SECONDS)


def _send_what_waits() -> None:
    """Let events and log lines that wait in this process reach the server while it is there."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=SENDING_SECONDS)
    APILogWorker.drain_all(timeout=SENDING_SECONDS)
