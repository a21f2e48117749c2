"""The command git, which never waits for a person and never for ever."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tasks.errors import VersioningError

LOCAL, REMOTE = 600.0, 300.0  # seconds for what may run a project's hooks, and for what another machine answers
CREDENTIALS = re.compile(r"//[^/@\s]+@")  # of an address
QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}


def git(root: Path, *arguments: str, seconds: float = LOCAL) -> str:
    """Return what a git command says in ``root``.

    Args:
        root: the folder in which git runs.
        arguments: of the command, its name first.
        seconds: after which it is ended.

    Raises:
        VersioningError: it fails, or takes too long.
    """
    code, said, error = run_git(root, *arguments, seconds=seconds)
    if code:
        command = next((each for each in arguments if not each.startswith("-") and "=" not in each), "")
        way_out = ", or set versioning.commit to false" if command in {"add", "commit"} else ""
        raise VersioningError(
            f"Expected `git {command}` to work in {root.resolve()}. Received: {error}. Mend it{way_out}."
        )
    return said


def run_git(root: Path, *arguments: str, seconds: float = LOCAL) -> tuple[int, str, str]:
    """Return the exit code of a git command, what it says, and its errors; credentials in addresses are left out.

    The command has no terminal, so that neither git nor what it starts (ssh, a helper, a signer) can ask for anything.

    Args:
        root: the folder in which git runs.
        arguments: of the command, its name first.
        seconds: after which it is ended.

    Raises:
        VersioningError: there is no git, or the command takes longer than ``seconds``.
    """
    # a program that asks in a window is as bad as a terminal; one that the user has named for git stays
    given = {name: value for name, value in os.environ.items() if name != "SSH_ASKPASS"}
    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=root,
            env={**given, **QUIET},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise VersioningError("Expected git to be installed. Received: no such program.") from None
    with process:
        try:
            said, error = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise VersioningError(
                f"Expected `git {arguments[0]}` to end in {root.resolve()}. Received: nothing for {seconds:.0f} "
                f"seconds. See what it waits for."
            ) from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said.strip(), CREDENTIALS.sub("//…@", error.strip())
