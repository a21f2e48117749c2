"""The work pool and the deployments of prefect.yaml on the server."""

import subprocess
from collections.abc import Mapping, Sequence

from flows.environment import API
from flows.service.commands import POOL, ServiceError, prefect

SECONDS = 180.0  # that Prefect may take, on a busy machine


def make_deployments(environment: Mapping[str, str]) -> None:
    """Make the work pool and the deployments that prefect.yaml names, or bring them up to date.

    Args:
        environment: with the server's address.

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
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(
            f"Expected {environment[API]} to answer. Received: nothing for {SECONDS:.0f} seconds. Try again."
        ) from None


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-8:])
