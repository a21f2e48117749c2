"""The commands of a page of the docs, carried out as they stand there."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent


def blocks(text: str) -> list[tuple[str, str]]:
    """The commands of a page (``sh``) and what they print (``text``), in their order."""
    return [(kind, body) for kind, body in BLOCK.findall(text)]


def script_of(text: str) -> str:
    """All commands of a page."""
    return "".join(body for kind, body in blocks(text) if kind == "sh")


def environment_of(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which a page's commands are tried: this one's tools first, no repository above ``folder``."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "GIT_CEILING_DIRECTORIES": str(folder.parent), **(more or {})}


def carry_out(script: str, folder: Path, more: Mapping[str, str] | None = None) -> str:
    """Run commands in a folder; gives what they print on both streams, once all have succeeded."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment_of(folder, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout
