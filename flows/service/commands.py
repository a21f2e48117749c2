"""Commands that the service runs, and the environment that each gets."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from flows.environment import API, WORKSPACE
from tasks.errors import SlimlineError

POOL = "line"  # of prefect.yaml
OF_THE_SERVER = ("PREFECT_SERVER_DATABASE_", "PREFECT_API_DATABASE_")  # settings that nobody else gets


class ServiceError(SlimlineError):
    """The service does not start, or does not stay up."""


def prefect(*arguments: str) -> list[str]:
    """Return a command of Prefect's, run by this Python."""
    return module("prefect", *arguments)


def attached(*arguments: str) -> list[str]:
    """Return a command of Prefect's that ends with this process."""
    return module("flows.service.attached", *arguments)


def module(name: str, *arguments: str) -> list[str]:
    """Return a command that runs a module by this Python.

    Args:
        name: of the module, with dots.
        arguments: behind it.
    """
    return [sys.executable, "-P", "-m", name, *arguments]


def client_environment(given: Mapping[str, str], address: str) -> dict[str, str]:
    """Return the environment of the worker and of commands: the server's address, and nothing of its database.

    Args:
        given: the environment of this process.
        address: of the server.
    """
    kept = {name: value for name, value in given.items() if name != WORKSPACE and not name.startswith(OF_THE_SERVER)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{given.get('PATH', '')}"
    return {**kept, API: f"{address}/api", "PATH": path, "SLIMLINE_PROJECT": str(Path.cwd())}
