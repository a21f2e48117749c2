"""Files that are made once, for all processes that share the tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.locking import locked


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one of the processes which share the tests makes, for all of them; nobody changes it."""
    top = temporary.getbasetemp()
    folder = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / f"shared-{name}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / "made").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "made").touch()
    return folder
