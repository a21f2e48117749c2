"""Three clones that share a DVC remote and a store on a real S3 server: one computes, one restores, one proves."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasks.s3.connection import connect
from tests.flows.chaos import Project
from tests.flows.short_project import SLIMLINE, new_project, run
from tests.integration.test_line import EASY
from tests.radosgw import Gateway

pytestmark = pytest.mark.slow  # a run, a run that restores, and one that makes a release again
BUCKET = "clones"
DVC = SLIMLINE.with_name("dvc")
CHANGES = (
    *EASY,
    "training.epochs=8",
    "recipes={dynamic_int8: [{technique: quantize, mode: dynamic_int8}]}",
    f"deployment.store=s3://{BUCKET}/releases",
    "deployment.signing_key=null",
    "deployment.trust.public_keys=[keys]",
    "versioning.commit=true",
    "versioning.git_remote=origin",
)


@pytest.fixture
def environment(tmp_path: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of whoever works on a project whose git, data and releases lie on servers."""
    for name, value in gateway.settings().items():
        monkeypatch.setenv(name, value)
    connect().create_bucket(Bucket=BUCKET)
    seed = tmp_path / "seed"
    made = new_project(seed, *CHANGES)
    expect(made, seed, SLIMLINE, "keys", "new", tmp_path / "release.pem")
    (seed / "keys").mkdir()
    (tmp_path / "release.pub").rename(seed / "keys" / "release.pub")
    expect(made, seed, DVC, "remote", "add", "--default", "team", f"s3://{BUCKET}/dvc")
    expect(made, tmp_path, "git", "init", "--quiet", "--bare", "origin.git")
    for command in (("add", "--all"), ("commit", "--quiet", "--message", "Begin")):
        expect(made, seed, "git", *command)
    expect(made, seed, "git", "push", "--quiet", tmp_path / "origin.git", "HEAD")
    return {**made, "SLIMLINE_SIGNING_KEY": (tmp_path / "release.pem").read_text()}


def expect(environment: Mapping[str, str], folder: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command that must succeed."""
    done = run(environment, folder, *command)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def clone(environment: dict[str, str], folder: Path) -> Project:
    """Clone the project; nothing but git's content comes along."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    origin = next(parent / "origin.git" for parent in folder.parents if (parent / "origin.git").exists())
    expect(environment, folder.parent, "git", "clone", "--quiet", origin, folder.name)
    return Project(folder, environment)


def test_what_one_clone_has_made_the_second_restores_and_the_third_makes_again(
    environment: dict[str, str], tmp_path: Path
) -> None:
    first = clone(environment, tmp_path / "one")
    done = expect(environment, first.folder, SLIMLINE, "run")
    assert "Released: seed 1 is production" in done.stdout

    second = clone(environment, tmp_path / "elsewhere" / "two")
    again = expect(environment, second.folder, SLIMLINE, "run")
    assert "Nothing to do: seed 1 is production" in again.stdout
    assert "Running stage" not in again.stderr
    assert "came from DVC's remote" in again.stderr
    assert second.digests() == first.digests()
    assert len(second.digests()) > len(("baseline", "candidate", "dataset"))
    assert head(second) == head(first), "the second clone has recorded what was recorded"

    third = clone(environment, tmp_path / "three")
    said = expect(environment, third.folder, SLIMLINE, "reproduce", "seed@1", "--json")
    made = json.loads(said.stdout)
    assert made["identical"], made
    assert made["released_sha256"] == made["rebuilt_sha256"]


def head(project: Project) -> str:
    return expect(project.environment, project.folder, "git", "rev-parse", "HEAD").stdout
