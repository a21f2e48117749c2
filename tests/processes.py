"""Processes that tests start, and whether they are gone."""

import subprocess
import sys

import psutil

ENDLESS = "import time; time.sleep(600)"


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def is_gone(pid: int) -> bool:
    """Whether it ends; what nobody waits for stays as a zombie."""
    try:
        process = psutil.Process(pid)
        process.wait(60)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True
