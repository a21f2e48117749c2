"""Start the service of a project, keep it up, and stop it.

The server has no part in signing: it never gets the private key. The worker does, since it releases what passed.
"""

import contextlib
import os
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from flows.environment import API, LOCK, RECORD, SERVICE, read_address, write_address
from flows.service.children import Child
from flows.service.commands import POOL, ServiceError, attached, client_environment, module
from flows.service.deploying import make_deployments
from flows.service.server import LOOPBACK, DatabaseFile, database_file, server_child, wait_until_ready
from flows.terminal import say
from tasks.locking import locked_if_free
from tasks.versioning.environment import WITHHELD

WORKER_SECONDS, KEEPER_SECONDS, SERVER_SECONDS = 4.0, 1.0, 3.0  # that each may take to end
RESTARTS, WINDOW = 5, 600.0  # more starts of one process within so many seconds are no accident
LOOK_SECONDS = 5.0  # between two looks at the server's database


@dataclass
class Service:
    """The processes that are up, and where the server answers."""

    stack: contextlib.ExitStack
    address: str = ""
    ended: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    children: dict[str, Child] = field(default_factory=dict)
    database: DatabaseFile = field(default_factory=lambda: DatabaseFile(None))

    def start(self, child: Child, seconds: float) -> None:
        """Start a process that is stopped when the service ends: the last one first.

        Args:
            child: the process.
            seconds: that it has to end by itself.
        """
        self.children[child.name] = self.stack.enter_context(_stopped(child, seconds))


def run_service(port: int, host: str = LOOPBACK, only_server: bool = False) -> None:
    """Run the service until it is interrupted, or say that it is up already.

    With ``PREFECT_API_URL`` set there is a server already: then it is not started.

    Args:
        port: of the server.
        host: the address that it listens on.
        only_server: no worker and no deployments: other machines have them.

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
            service = Service(stack)
            elsewhere = os.environ.get(API)
            if elsewhere and only_server:
                raise ServiceError(f"Expected no other server. Received: {API}={elsewhere} and --server. Unset one.")
            if elsewhere:
                service.address = elsewhere.removesuffix("/api")
            else:
                start_server(service, host, port)
            write_address(service.address)
            start_clients(service, with_worker=not only_server)
            say("up", f"The pages are on {service.address}. Stop with Ctrl-C.")
            keep_up(service)


def start_server(service: Service, host: str, port: int) -> None:
    """Start the server and wait until it is ready.

    Args:
        service: that is starting.
        host: that the server listens on.
        port: that it listens on.

    Raises:
        ServiceError: it does not get ready, its port is taken, or it wants no login where others reach it.
    """
    server, service.address = server_child(host, port, service.ended)
    say("up", f"starting the server on {service.address}")
    service.start(server, SERVER_SECONDS)
    wait_until_ready(service.address, server)
    service.database = DatabaseFile(database_file(os.environ))


def start_clients(service: Service, with_worker: bool) -> None:
    """Start the keeper and, where there is to be one, make the deployments and start the worker.

    Args:
        service: whose server is ready.
        with_worker: whether this machine is to run the line.

    Raises:
        ServiceError: Prefect does not take the deployments.
    """
    environment = client_environment(os.environ, service.address)
    if with_worker:
        make_deployments(environment)
    unsigned = {name: value for name, value in environment.items() if name not in WITHHELD}
    keeper = Child("keeper", module("flows.service.keeper"), unsigned, SERVICE, service.ended)
    service.start(keeper, KEEPER_SECONDS)
    if with_worker:
        command = attached("worker", "start", "--pool", POOL, "--type", "process")
        service.start(Child("worker", command, environment, SERVICE, service.ended), WORKER_SECONDS)


@contextlib.contextmanager
def _stopped(child: Child, seconds: float) -> Iterator[Child]:
    child.start()
    try:
        yield child
    finally:
        child.stop(seconds)


def keep_up(service: Service) -> None:
    """Start again what ends, until somebody interrupts.

    Args:
        service: that was started.

    Raises:
        ServiceError: a process ends again and again.
    """
    starts: dict[str, list[float]] = {name: [] for name in service.children}
    while True:
        try:
            name = service.ended.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if service.database.is_lost():
                renew_server(service)
            continue
        child, now = service.children[name], time.monotonic()
        starts[name] = [*(moment for moment in starts[name] if now - moment < WINDOW), now]
        if len(starts[name]) > RESTARTS:
            raise ServiceError(
                f"Expected the {name} to stay up. Received: it ended {len(starts[name])} times in "
                f"{WINDOW / 60:.0f} minutes, at last with:\n{child.last_lines()}\nLook into {child.log}."
            )
        say("up", f"The {name} has ended; it is started again.")
        child.start()


def renew_server(service: Service) -> None:
    """Start the server again whose database file is gone: it would go on writing to what nobody can read.

    What is released and what was made does not depend on it; the history of runs does.

    Args:
        service: whose database is gone.

    Raises:
        ServiceError: it does not get ready, or the deployments cannot be made.
    """
    say("up", f"{service.database.path} is gone or another one; the server is started again with what is there now.")
    server = service.children["server"]
    server.stop(SERVER_SECONDS)
    others = list(iter(service.ended.get, server.name))
    for name in others:
        service.ended.put(name)
    service.database.clear_away()
    server.start()
    wait_until_ready(service.address, server)
    service.database = DatabaseFile(service.database.path)
    if "worker" in service.children:
        make_deployments(client_environment(os.environ, service.address))
