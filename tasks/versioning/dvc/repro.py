"""The command ``dvc repro``, and what it prints."""

import re
import sys
from typing import Literal

Progress = Literal["Ran", "Restored", "Unchanged"]
PROGRESS: tuple[tuple[str, Progress], ...] = (  # what `dvc repro` prints, and what happened then
    ("Running stage", "Ran"),
    ("is cached - skipping run", "Restored"),
    ("didn't change, skipping", "Unchanged"),
)
CHATTER = (  # how lines begin that `dvc repro` prints beside a stage's own
    "> python -P -m",
    "Updating lock file",
    "Generating lock file",
    "To track the changes",
    "To enable auto",
    "Use `dvc push`",
    "\tgit add",
    "\tdvc config",
)
EMPTY = re.compile(r"WARNING: '\S+/assets' is empty\.")  # of a workload that learns nothing
ERROR = "ERROR: "
ENDED = "exited with "  # in `ERROR: failed to reproduce 'load': … exited with 2`


def repro_command(stage: str, anew: bool = False) -> list[str]:
    """Return the command that brings one stage up to date; it waits for others to write their part of dvc.lock.

    Args:
        stage: its name.
        anew: run it whatever DVC remembers of earlier runs.
    """
    dvc = [sys.executable, "-P", "-m", "tasks.versioning.dvc.attached"]
    if anew:
        return [*dvc, "repro", "--single-item", "--force", "--no-run-cache", stage]
    return [*dvc, "--wait-for-lock", "repro", "--single-item", stage]


def progress_of(line: str) -> Progress | None:
    """Tell what happened to a stage, if a line of `dvc repro` says so.

    Args:
        line: of the command's output.

    Returns:
        what happened; None where the line says nothing of it.
    """
    return next((progress for words, progress in PROGRESS if words in line), None)


def is_chatter(line: str) -> bool:
    """Return whether nobody needs to read a line of `dvc repro`: it is about DVC's own files, or folders left empty.

    Args:
        line: of the command's output.
    """
    return line.startswith(CHATTER) or bool(EMPTY.fullmatch(line))


def exit_code(line: str) -> int | None:
    """Return the exit code of a stage's command, if a line of `dvc repro` has it.

    Args:
        line: of the command's output.
    """
    words = line.rsplit(ENDED, 1)
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else None
