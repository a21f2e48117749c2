"""Processes that tests start, and whether they are gone.

A test session has threads: of servers, of TensorFlow, of libraries. A plain fork of it can hang for ever on a lock that
one of them held. So processes come of a server that has no threads.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import subprocess
import sys
from collections.abc import Mapping

import psutil

CLEAN = multiprocessing.get_context("forkserver")
IMPORTED_ONCE = (  # and not in every process
    "boto3",
    "pytest",
    "tasks.data_loading.decoding",
    "tasks.deployment.releases.publishing",
    "tasks.deployment.releases.retention",
    "tasks.deployment.device.client",
    "tasks.workloads.image.reading",
    "tests.tasks.deployment.killing",
    "tests.tasks.deployment.project",
)

ENDLESS = "import time; time.sleep(600)"


def start_clean() -> None:
    """Start the server that :data:`CLEAN` processes come of; one that runs already stays."""
    CLEAN.set_forkserver_preload(list(IMPORTED_ONCE))
    multiprocessing.forkserver.ensure_running()


def take_over(environment: Mapping[str, str]) -> None:
    """Give this process the environment of the one that asked for it: the server's is older."""
    os.environ.clear()
    os.environ.update(environment)


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def is_gone(pid: int) -> bool:
    """Tell whether it ends; a process that nobody waits for stays as a zombie."""
    try:
        process = psutil.Process(pid)
        process.wait(60)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True
