"""Commands for operators: ``up`` and ``status``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flows import environment
from flows.cli.options import Json
from flows.terminal import ended_by_sigterm, print_json, tell

if TYPE_CHECKING:
    from flows.service.status import Run, ServerStatus
    from tasks.config import Deployment
    from tasks.deployment.approvals.status import WaitingRelease
    from tasks.deployment.records import Release
    from tasks.watching.records import Waiting


def up(
    *,
    port: int = 4200,
    host: str = "127.0.0.1",
    server: Annotated[
        bool, Parameter(name="--server", negative="", help="The server alone, for workers on other machines.")
    ] = False,
) -> None:
    """Keep the line up: Prefect's server with its pages, the deployments of prefect.yaml, a worker and a keeper.

    Ctrl-C stops it, the worker first. With PREFECT_API_URL set there is a server already, and it is not started. The
    keeper closes runs that died.

    Parameters
    ----------
    port
        Where the server listens on this machine.
    host
        The address that it listens on; where others can reach it, PREFECT_SERVER_API_AUTH_STRING must be set.
    """
    from flows.service.running import run_service

    environment.prepare()
    with ended_by_sigterm():
        run_service(port, host, server)


def status(*, json: Json = False) -> None:
    """Say what runs, what waits for a person, what was released last and what comes next."""
    from flows.line.workspace import holder
    from tasks.config import load_params
    from tasks.deployment.approvals.status import find_status

    environment.prepare()
    held_by = holder()
    settings = load_params().deployment
    address = os.environ.get(environment.API, "").removesuffix("/api")
    server = _server(address)
    released, waiting = find_status(settings)
    data = _waiting_data(settings)
    if json:
        data_record = data and data.model_dump(mode="json")
        print_json({**_record(address, server, released, waiting), "waiting_data": data_record, "held_by": held_by})
        return
    _tell_server(address, server)
    if held_by is not None:
        tell("folder", f"held by the run of process {held_by or 'unknown'}")
    tell("released", f"{settings.model} {released.version}, {released.created}" if released else "nothing")
    if waiting:
        until = f" until {waiting.until}" if waiting.until else ""
        where = f"{settings.model} {waiting.version} in {settings.staging}, for a person{until}"
        tell("waits", f"{where}: `{waiting.command}`")
    if data:
        command = f"slimline approve {settings.model} --data {data.digest[:12]} --reason …"
        tell("waits", f"data {data.digest[:12]}, for a person: {' '.join(data.reasons)} `{command}`")


def _server(address: str) -> "ServerStatus | None":
    """Ask the server, if there is one and it is ready: none is started for this."""
    from flows.service.server import trouble

    if not address or trouble(address):
        return None
    from flows.service.status import server_status

    return server_status()


def _waiting_data(settings: "Deployment") -> "Waiting | None":
    """Return the data that waits for a person and has had no answer."""
    from tasks.deployment.releases.promotion import registry_of
    from tasks.watching.memory import read_unanswered

    return read_unanswered(registry_of(settings))


def _tell_server(address: str, server: "ServerStatus | None") -> None:
    if server is None:
        from flows.service.server import trouble

        reason = f"{address} is not ready: {trouble(address) or 'it has just begun to answer'}"
        tell("server", reason if address else "not up: `slimline up` starts it")
        return
    tell("server", f"{address} is ready; workers: {server.workers}")
    for run in server.runs:
        tell("runs", _words(run))
    if server.planned:
        tell("next", _words(server.planned[0]))


def _words(run: "Run") -> str:
    return f"{run.deployment or run.name}: {run.state.lower()}{f', {run.at}' if run.at else ''}"


def _record(
    address: str, server: "ServerStatus | None", released: "Release | None", waiting: "WaitingRelease | None"
) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "project": str(Path.cwd()),
        "server": {"address": address or None, "is_ready": server is not None},
        **(server.model_dump(mode="json") if server else {"workers": 0, "runs": [], "planned": []}),
        "released": released and released.model_dump(mode="json"),
        "waiting": waiting and waiting.model_dump(mode="json"),
    }
