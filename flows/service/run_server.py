"""A server for one run, where neither the project nor the user has one that is up.

Prefect would start one, but in the terminal's own process group: Ctrl-C would reach it, and the run would then wait
for a server that is gone.
"""

import contextlib
import os
import queue
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from flows.environment import API, SERVICE, WORKSPACE
from flows.service.children import Child
from flows.service.commands import ServiceError, attached
from flows.service.running import RESTARTS, SERVER_SECONDS
from flows.service.server import free_port, server_environment, trouble, wait_until_ready

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
        ServiceError: it does not get ready, or does not keep the record of a run.
    """
    from httpx import HTTPError
    from prefect.exceptions import PrefectException
    from prefect.settings import get_current_settings

    try:
        if api := get_current_settings().api.url:
            _expect_answer(api)
            yield
        else:
            with _own_server():
                yield
    except (HTTPError, PrefectException) as error:
        raise ServiceError(_reason(error, str(get_current_settings().api.url))) from None


def _expect_answer(api: str) -> None:
    """Refuse a server that does not answer, or is too old or too new for this client, before any work.

    Raises:
        ServiceError: likewise.
    """
    from prefect import get_client

    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch_once()
    except RuntimeError as error:  # the client has no class of its own for it
        raise ServiceError(
            f"Expected Prefect's server {_public(api)}, which {API} or Prefect's profile names, to answer. "
            f"Received: {error.__cause__ or error}. Start it, or name none: the run then has a server of its own."
        ) from None


def _reason(error: Exception, api: str) -> str:
    """Return the sentence about a server that failed a run."""
    address = _public(api).removesuffix("/api")
    words = (str(error).splitlines() or [""])[0] or type(error).__name__
    lack = trouble(address) or f"{shutil.disk_usage(Path.cwd()).free >> 20} MiB are free on the disk of {Path.cwd()}"
    return (
        f"Expected Prefect's server {address} to keep the record of the run. Received: {words} ({lack}). "
        f"Look into its log in {SERVICE}. Run again: it goes on with what is not done."
    )


def _public(url: str) -> str:
    """Return an address without the login that it may have."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@contextlib.contextmanager
def _own_server() -> Iterator[None]:
    from prefect.context import refresh_global_settings_context

    address = f"http://127.0.0.1:{free_port()}"
    environment = {**server_environment(os.environ, address), **SETTINGS, WORKSPACE: str(Path.cwd())}
    port = address.rpartition(":")[2]
    command = attached("server", "start", "--host", "127.0.0.1", "--port", port)
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    server, over = Child("run-server", command, environment, SERVICE, ended), threading.Event()
    server.start()
    threading.Thread(target=_keep, args=(server, ended, over), daemon=True).start()
    try:
        wait_until_ready(address, server)
        os.environ[API] = f"{address}/api"
        refresh_global_settings_context()
        yield
        _send_what_waits()
    finally:
        over.set()
        server.stop(SERVER_SECONDS)
        if os.environ.pop(API, None):
            refresh_global_settings_context()


def _keep(server: Child, ended: "queue.SimpleQueue[str]", over: threading.Event) -> None:
    """Start the server again when it dies while the run goes on, some times."""
    for _ in range(RESTARTS):
        ended.get()
        if over.is_set():
            return
        server.start()


def _send_what_waits() -> None:
    """Let events and log lines that wait in this process reach the server while it is there."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=SENDING_SECONDS)
    APILogWorker.drain_all(timeout=SENDING_SECONDS)
