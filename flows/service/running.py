"""Start the service of a project, keep it up, and stop it.

The server has no part in signing: it never gets the private key. The worker does, since it releases what passed.
"""

import contextlib
import os
import queue
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path

from flows.environment import API, LOCK, RECORD, SERVICE, WORKSPACE, read_address, write_address
from flows.service.children import Child
from flows.terminal import say
from tasks.errors import SlimlineError
from tasks.locking import locked_if_free
from tasks.versioning.environment import WITHHELD

POOL = "line"  # of prefect.yaml
START_SECONDS = 180.0  # that the server may take until it is ready, on a busy machine
WORKER_SECONDS, KEEPER_SECONDS, SERVER_SECONDS = 4.0, 1.0, 3.0  # that each may take to end
RESTARTS, WINDOW = 5, 600.0  # more starts of one process within so many seconds are no accident


class ServiceError(SlimlineError):
    """The service does not start, or does not stay up."""


def run_service(port: int) -> None:
    """Run the service until it is interrupted, or say that it is up already.

    With ``PREFECT_API_URL`` set there is a server already: then a worker is all that is started.

    Args:
        port: of the server, on loopback.

    Raises:
        ServiceError: the server does not get ready, the deployments cannot be made, or a process ends again and again.
    """
    with locked_if_free(LOCK) as is_free:
        if not is_free:
            address, pid = read_address() or ("", 0)
            say("up", f"It is up already, {address} (process {pid})." if address else "It is starting already.")
            return
        RECORD.unlink(missing_ok=True)
        with contextlib.ExitStack() as stack:
            ended: queue.SimpleQueue[str] = queue.SimpleQueue()
            elsewhere = os.environ.get(API)
            address = elsewhere.removesuffix("/api") if elsewhere else f"http://127.0.0.1:{port}"
            children: list[Child] = []
            if not elsewhere:
                expect_free(port)
                say("up", f"starting the server on {address}")
                server = Child(
                    "server",
                    attached("server", "start", "--host", "127.0.0.1", "--port", str(port)),
                    server_environment(os.environ, address),
                    SERVICE,
                    ended,
                )
                children.append(started(stack, server, SERVER_SECONDS))
                wait_until_ready(address, server)
            environment = client_environment(os.environ, address)
            write_address(address)
            make_deployments(environment)
            worker = Child(
                "worker", attached("worker", "start", "--pool", POOL, "--type", "process"), environment, SERVICE, ended
            )
            keeper = Child("keeper", module("flows.service.keeper"), environment, SERVICE, ended)
            children.append(started(stack, keeper, KEEPER_SECONDS))
            children.append(started(stack, worker, WORKER_SECONDS))
            say("up", f"The pages are on {address}. Stop with Ctrl-C.")
            keep_up({child.name: child for child in children}, ended)


def expect_free(port: int) -> None:
    """Refuse a port on which somebody listens: a server of another project would pass for this one's.

    Raises:
        ServiceError: the port is taken, or is none.
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise ServiceError(
            f"Expected a free port on 127.0.0.1. Received: {port} ({error}). Take another one (`--port`)."
        ) from None


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prefect(*arguments: str) -> list[str]:
    """Return a command of Prefect's, run by this Python."""
    return module("prefect", *arguments)


def attached(*arguments: str) -> list[str]:
    """Return a command of Prefect's that ends with this process."""
    return module("flows.service.attached", *arguments)


def module(name: str, *arguments: str) -> list[str]:
    """Return a command that runs a module by this Python."""
    return [sys.executable, "-P", "-m", name, *arguments]


@contextlib.contextmanager
def _stopped(child: Child, seconds: float) -> Iterator[Child]:
    child.start()
    try:
        yield child
    finally:
        child.stop(seconds)


def started(stack: contextlib.ExitStack, child: Child, seconds: float) -> Child:
    """Start a process that is stopped when the stack ends: the last one first."""
    return stack.enter_context(_stopped(child, seconds))


def server_environment(given: Mapping[str, str], address: str) -> dict[str, str]:
    """Return the environment of the server: no private key, and the pages ask this address."""
    kept = {name: value for name, value in given.items() if name not in (*WITHHELD, WORKSPACE)}
    return {"PREFECT_SERVER_UI_API_URL": f"{address}/api", **kept}


def client_environment(given: Mapping[str, str], address: str) -> dict[str, str]:
    """Return the environment of the worker and of commands: the server's address."""
    kept = {name: value for name, value in given.items() if name != WORKSPACE}
    path = f"{Path(sys.executable).parent}{os.pathsep}{given.get('PATH', '')}"
    return {**kept, API: f"{address}/api", "PATH": path, "SLIMLINE_PROJECT": str(Path.cwd())}


def is_ready(address: str, seconds: float = 5.0) -> bool:
    """Return whether a server answers and has its database; `/health` would say yes without one."""
    try:
        with urllib.request.urlopen(f"{address}/api/ready", timeout=seconds) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError, HTTPException):
        return False


def wait_until_ready(address: str, server: Child) -> None:
    """Wait for a server that is starting.

    Raises:
        ServiceError: it ends, or takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(address):
        if not server.is_running or time.monotonic() > deadline:
            raise ServiceError(
                f"Expected a server that answers on {address}. Received:\n{server.last_lines()}\n"
                f"Look into {server.log}, or take another port (`--port`)."
            )
        time.sleep(0.2)  # nothing tells when it listens


def make_deployments(environment: Mapping[str, str]) -> None:
    """Make the work pool and the deployments that prefect.yaml names, or bring them up to date.

    Raises:
        ServiceError: Prefect does not take them.
    """
    made = _told(prefect("--no-prompt", "work-pool", "create", POOL, "--type", "process"), environment)
    if made.returncode and "already exists" not in made.stdout:
        raise ServiceError(f"Expected a work pool {POOL!r}. Received:\n{_end(made.stdout)}")
    done = _told(prefect("--no-prompt", "deploy", "--all"), environment)
    if done.returncode:
        raise ServiceError(f"Expected the deployments of prefect.yaml. Received:\n{_end(done.stdout)}")


def _told(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env={**environment, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=START_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(
            f"Expected {environment[API]} to answer. Received: nothing for {START_SECONDS:.0f} seconds. Try again."
        ) from None


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-8:])


def keep_up(children: Mapping[str, Child], ended: "queue.SimpleQueue[str]") -> None:
    """Start again what ends, until somebody interrupts.

    Raises:
        ServiceError: a process ends again and again.
    """
    starts: dict[str, list[float]] = {name: [] for name in children}
    while True:
        name = ended.get()
        child, now = children[name], time.monotonic()
        starts[name] = [*(moment for moment in starts[name] if now - moment < WINDOW), now]
        if len(starts[name]) > RESTARTS:
            raise ServiceError(
                f"Expected the {name} to stay up. Received: it ended {len(starts[name])} times in "
                f"{WINDOW / 60:.0f} minutes, at last with:\n{child.last_lines()}\nLook into {child.log}."
            )
        say("up", f"The {name} has ended; it is started again.")
        child.start()
