"""The server of a project: its command and environment, whether it is ready, and whether its database is there."""

import os
import socket
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from queue import SimpleQueue
from urllib.error import HTTPError

from flows.environment import SERVER_LOGIN, SERVICE, WORKSPACE
from flows.service.children import Child
from flows.service.commands import OF_THE_SERVER, ServiceError, attached
from tasks.versioning.environment import withheld

START_SECONDS = 180.0  # that the server may take until it is ready, on a busy machine
NO_DATABASE = {500, 503}
LOOPBACK = "127.0.0.1"
HOME = "PREFECT_HOME"


def server_child(host: str, port: int, ended: "SimpleQueue[str]") -> tuple[Child, str]:
    """Return the process of a server that is to listen, and the address under which this machine reaches it.

    Args:
        host: the address to listen on.
        port: likewise.
        ended: is told when the process ends.

    Raises:
        ServiceError: the port is taken, or others could reach a server that wants no login.
    """
    expect_login(host)
    expect_free(host, port)
    address = f"http://{LOOPBACK if is_anywhere(host) else host}:{port}"
    command = attached("server", "start", "--host", host, "--port", str(port))
    return Child("server", command, server_environment(os.environ, address), SERVICE, ended), address


def is_anywhere(host: str) -> bool:
    """Return whether an address means every one of this machine.

    Args:
        host: that a server listens on.
    """
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def expect_login(host: str) -> None:
    """Refuse to listen where others can reach the server without a login.

    Args:
        host: that the server is to listen on.

    Raises:
        ServiceError: others can.
    """
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback and not os.environ.get(SERVER_LOGIN):
        raise ServiceError(
            f"Expected a login where others can reach the server. Received: --host {host} and no {SERVER_LOGIN}. "
            f"Set it to name:password, and {SERVER_LOGIN.replace('SERVER_', '')} to the same for workers and commands."
        )


def expect_free(host: str, port: int) -> None:
    """Refuse a port on which somebody listens: a server of another project would pass for this one's.

    Args:
        host: that the server is to listen on.
        port: the same.

    Raises:
        ServiceError: the port is taken, or is none.
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise ServiceError(
            f"Expected a free port on {host}. Received: {port} ({error}). Take another one (`--port`)."
        ) from None


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def server_environment(given: Mapping[str, str], address: str) -> dict[str, str]:
    """Return the environment of the server: no private key or other secret, and the pages ask this address.

    Args:
        given: the environment of this process.
        address: of the server.
    """
    secret = withheld()
    kept = {name: value for name, value in given.items() if name not in (*secret, WORKSPACE)}
    return {"PREFECT_SERVER_UI_API_URL": f"{address}/api", **kept}


def is_ready(address: str) -> bool:
    """Return whether a server answers and has its database.

    Args:
        address: of the server.
    """
    return trouble(address) is None


def trouble(address: str, seconds: float = 5.0) -> str | None:
    """Return why a server is not ready, None where it is; `/health` would say that all is well without a database.

    Args:
        address: of the server.
        seconds: that it has to answer.
    """
    try:
        with urllib.request.urlopen(f"{address}/api/ready", timeout=seconds):
            return None
    except HTTPError as error:
        return "its database does not answer" if error.code in NO_DATABASE else f"it answers with {error.code}"
    except (OSError, ValueError, HTTPException) as error:
        return f"it does not answer ({getattr(error, 'reason', error)})"


def wait_until_ready(address: str, server: Child) -> None:
    """Wait for a server that is starting.

    Args:
        address: of the server.
        server: its process.

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


def database_file(environment: Mapping[str, str]) -> Path | None:
    """Return where a server with this environment has its database, None where that is no file that can be told.

    Args:
        environment: of the server.
    """
    if any(name.startswith(OF_THE_SERVER) for name in environment):
        return None
    home = environment.get(HOME)
    return Path(home) / "prefect.db" if home else None


class DatabaseFile:
    """Tells whether the file is still the one that a server has open: what it writes to another one is lost.

    Args:
        path: of the file; None: nothing is looked at.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._first = self._identity()

    def is_lost(self) -> bool:
        """Return whether the file is gone or another one."""
        return self._first is not None and self._identity() != self._first

    def clear_away(self) -> None:
        """Remove what SQLite keeps beside a file that is gone: a new one would take it for its own."""
        if self.path and not self.path.exists():
            for suffix in ("-wal", "-shm", "-journal"):
                self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat() if self.path else None
        except OSError:
            return None
        return (found.st_dev, found.st_ino) if found else None
