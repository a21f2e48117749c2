"""A small DVC repository, with a stage that looks at the world outside."""

import os
import subprocess
import sys
from pathlib import Path

LOOK = """
stages:
  look:
    cmd: cp outside.txt seen.txt
    always_changed: true
    outs: [seen.txt]
"""


def make_repository(folder: Path, stages: str) -> Path:
    """Begin a repository in a folder, with ``look`` and these stages behind it in its graph."""
    (folder / "outside.txt").write_text("one")
    (folder / "dvc.yaml").write_text(LOOK + stages)
    dvc(folder, "init", "--no-scm", "--quiet")
    return folder


def dvc(folder: Path, *arguments: str) -> None:
    """Run a command of DVC, which must end well."""
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True, capture_output=True)


def lines_of(folder: Path, *command: str) -> list[str]:
    """Return the lines that a command prints, in the order in which a person sees them, however it ends."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    return done.stdout.splitlines()
