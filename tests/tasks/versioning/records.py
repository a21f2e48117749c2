"""A project in git whose releases are recorded, and clones of it, for tests of the record."""

import subprocess
from pathlib import Path

import pytest

from tasks.config import Versioning
from tasks.versioning.record import Subject

COMMITS = Versioning(commit=True)
PUSHES = Versioning(commit=True, git_remote="origin")


def run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def name_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know who commits, and nothing of the machine's own settings."""
    forget_everybody(monkeypatch)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.com")


def forget_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know nobody, and guess nobody either."""
    settings = {"user.useConfigOnly": "true", "init.defaultBranch": "main", "protocol.file.allow": "always"}
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{role}_EMAIL", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)


def begin(folder: Path) -> Path:
    """Begin a project in git, with the files of a record and one more."""
    folder.mkdir(parents=True)
    run(folder, "git", "init", "--quiet")
    write(folder, 0)
    (folder / "dvc.yaml").write_text("# the graph\nstages:\n  make:\n    cmd: make   # all\n")
    (folder / "README.md").write_text("ours\n")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "--quiet", "--message", "Begin")
    return folder


def write(folder: Path, number: int) -> None:
    """Leave in the project what a run leaves there that ends with a release."""
    (folder / "params.yaml").write_text("seed: 1\nepochs: 2\n")
    (folder / "dvc.lock").write_text(f"schema: '2.0'\nstages: {{}}  # {number}\n")


def subject(version: int, model: str = "digits", digest: str | None = None, *lines: str) -> Subject:
    return Subject(model, version, digest or f"{version:064d}", "models/candidates/int8/model.tflite", lines)


def with_remote(project: Path) -> Path:
    """Give the project a bare repository as its remote, which has its branch."""
    bare = project.parent / "remote.git"
    run(project.parent, "git", "init", "--quiet", "--bare", str(bare))
    run(project, "git", "remote", "add", "origin", str(bare))
    run(project, "git", "push", "--quiet", "--set-upstream", "origin", "main")
    return bare


def clone(bare: Path, name: str) -> Path:
    run(bare.parent, "git", "clone", "--quiet", str(bare), name)
    return bare.parent / name


def push_change(folder: Path, name: str, text: str) -> str:
    """Let somebody change a file in a clone, and push it."""
    (folder / name).write_text(text)
    run(folder, "git", "add", name)
    run(folder, "git", "commit", "--quiet", "--message", f"Change {name}")
    run(folder, "git", "push", "--quiet")
    return run(folder, "git", "rev-parse", "HEAD")


def tags(folder: Path) -> list[str]:
    return run(folder, "git", "tag", "--list").split()
