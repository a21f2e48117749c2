"""A real project whose run is short: the built-in digits, one epoch, one recipe."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tasks.versioning.params_file import set_params

SLIMLINE = Path(sys.executable).with_name("slimline")


def short_project(folder: Path, **training: Any) -> dict[str, str]:
    """Make the project; gives the environment for commands in it, which knows of no server.

    Args:
        folder: the project, which is not there yet.
        training: settings of params.yaml beside one epoch.
    """
    environment = new_project(folder)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    params["training"].update({"epochs": 1, **training})
    params["recipes"] = {"dynamic_int8": params["recipes"]["dynamic_int8"]}
    params["teachers"] = {}
    params["versioning"]["commit"] = False
    yaml.dump(params, folder / "params.yaml")
    return environment


def plain_environment(home: Path) -> dict[str, str]:
    """Return the environment of a person who has set up nothing but a name for git."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "SLIMLINE_"))}
    who = {f"GIT_{role}_{key}": "a@b" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    return {**left, **who, "HOME": str(home), "GIT_CONFIG_GLOBAL": os.devnull}


def new_project(folder: Path, *changes: str) -> dict[str, str]:
    """Make a project with changes of its params.yaml; gives the environment for commands in it, which knows no server.

    Args:
        folder: the project, which is not there yet.
        changes: as `slimline run --set` takes them.
    """
    environment = plain_environment(folder.parent)
    made = run(environment, folder.parent, SLIMLINE, "new", folder)
    assert made.returncode == 0, made.stderr
    set_params(changes, folder / "params.yaml")
    return environment


def set_schedule(folder: Path, deployment: str, **schedule: Any) -> None:
    """Give a deployment of prefect.yaml this schedule in place of its own."""
    path, yaml = folder / "prefect.yaml", YAML()
    file = yaml.load(path)
    (found,) = (each for each in file["deployments"] if each["name"] == deployment)
    found["schedules"] = [schedule]
    yaml.dump(file, path)


def run(environment: Mapping[str, str], folder: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command; its end is checked by who asks."""
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
