"""Releases made again by DVC and git for real, with stages that take no time."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.operations.rebuilding import get_data, get_timed, reproduce
from tasks.compression.records import candidate_model, candidate_record, earlier_record
from tasks.config import Params
from tasks.deployment.releases.publishing import publish
from tasks.deployment.releases.reproduction import Reproduction
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.trusted import ANYBODY
from tasks.errors import ReleaseError, VersioningError
from tasks.versioning import dvc, rebuilding
from tasks.versioning.dvc import Gone
from tasks.versioning.git import git
from tasks.versioning.history import head
from tests.tasks.deployment.project import RECIPE, params_for, write_project

STAGES = """
stages:
  fingerprint:
    cmd: mkdir -p data && echo {{}} > data/source.json
    outs: [data/source.json]
  load:
    cmd: mkdir -p data/prepared && cp {source}/dataset.json data/prepared/
    deps: [data/source.json]
    outs: [data/prepared]
  train:
    cmd: mkdir -p models && cp network.bin models/baseline.keras && cp network.bin models/baseline.tflite
    deps: [data/prepared, network.bin]
    outs: [models/baseline.keras, models/baseline.tflite]
  compress:
    foreach: [{recipe}]
    do:
      cmd: python compress.py
      deps: [models/baseline.keras, compress.py]
      outs: ["models/candidates/${{item}}/model.tflite", "models/candidates/${{item}}/candidate.json"]
"""
COMPRESS = f"""
import os
from pathlib import Path

model = bytearray(Path("models/baseline.keras").read_bytes())
if os.environ.get("ANOTHER_LIBRARY"):
    model[-1] ^= 1
Path("{candidate_model(RECIPE)}").parent.mkdir(parents=True, exist_ok=True)
Path("{candidate_model(RECIPE)}").write_bytes(model)
Path("{candidate_record(RECIPE)}").write_bytes(Path("record.json").read_bytes())
"""
SETTINGS = "[core]\n    remote = near\n['remote \"near\"']\n    url = ../../remote\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one release, whose code has changed since."""
    top = tmp_path_factory.mktemp("reproduction")
    folder, source = top / "project", top / "source"
    (folder / ".dvc").mkdir(parents=True)
    source.mkdir()
    with contextlib.chdir(folder), names():
        params = params_of(folder)
        write_project(params)
        shutil.copy(candidate_model(RECIPE), "network.bin")
        shutil.copy(candidate_record(RECIPE), "record.json")
        shutil.copy("data/prepared/dataset.json", source)
        Path("dvc.lock").unlink()
        for name, text in {
            ".dvc/config": SETTINGS,
            ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
            ".gitignore": "/data/\n/models/\n/reports/\n/.slimline/\n",
            "dvc.yaml": STAGES.format(source=source, recipe=RECIPE),
            "compress.py": COMPRESS,
        }.items():
            Path(name).write_text(text)
        git(folder, "init", "--quiet")
        git(folder, "add", "-A")
        git(folder, "commit", "--quiet", "--message", "Begin")
        for command in ("repro", "push"):
            subprocess.run([sys.executable, "-m", "dvc", command, "--quiet"], check=True, env=environment())
        publish(params, *head())
        Path("compress.py").write_text("raise SystemExit('not the code of the release')")
        git(folder, "commit", "--quiet", "--all", "--message", "Go on")
    return top


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy" / "project")
    return tmp_path / "copy" / "project"


@contextlib.contextmanager
def names() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Somebody")
            patch.setenv(f"GIT_{role}_EMAIL", "somebody@example.com")
        yield


def environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def params_of(project: Path) -> Params:
    return params_for(f"file://{project.parent / 'store'}")


def again(project: Path, folder: Path) -> Reproduction:
    store = open_store(params_of(project).deployment.store)
    return reproduce(store, "shades", 1, ANYBODY, folder, print)


def test_a_release_is_made_again_bit_for_bit(project: Path, tmp_path: Path) -> None:
    made = again(project, tmp_path / "again")
    assert made.identical
    assert made.released_sha256 == made.rebuilt_sha256
    assert "was made again bit for bit" in made.sentence
    assert all(output.same for output in made.outputs)
    assert any(line.startswith("The processor: a CPU then, ") for line in made.differences)
    assert not any(line.startswith(("The code", "The data")) for line in made.differences)


def test_what_another_library_makes_of_it_is_seen_and_placed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANOTHER_LIBRARY", "1")
    monkeypatch.setattr("tasks.deployment.releases.reproduction.installed", lambda _: "9.0")
    made = again(project, tmp_path / "again")
    assert not made.identical
    assert "1 of " in made.sentence
    assert "bytes differ, the first at" in made.sentence
    assert "the baseline is the same, so compression made it" in made.sentence
    assert [output.same for output in made.outputs] == [True, True, False]
    assert "The library tensorflow: 2.21.0 then, 9.0 now." in made.differences


@pytest.mark.slow
def test_data_gone_from_the_remote_is_read_from_the_source_again(project: Path, made: Path, tmp_path: Path) -> None:
    shutil.rmtree(project.parent / "remote")
    found = again(project, tmp_path / "again")
    assert found.identical
    assert "The data is gone from DVC's remote: it was read from the source again." in found.differences
    dataset = made / "source" / "dataset.json"
    before = dataset.read_text()
    dataset.write_text(before + "\n")
    try:
        found = again(project, tmp_path / "other")
    finally:
        dataset.write_text(before)
    assert "The data: dataset.json is not the one that the manifest names." in found.differences


@pytest.mark.parametrize(("error", "words"), [(Gone, "is gone from"), (VersioningError, "The token has expired.")])
def test_why_the_data_was_read_again_is_said_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[VersioningError], words: str
) -> None:
    def pull(*_: object) -> None:
        raise error("The token has expired.")

    ran: list[str] = []
    monkeypatch.setattr(dvc, "pull", pull)
    monkeypatch.setattr(rebuilding, "lend_source", lambda _: ran.append("lend"))
    monkeypatch.setattr(rebuilding, "stages_to_run", lambda _, last, __: ["code", "fingerprint", last])
    monkeypatch.setattr(rebuilding, "run_again", lambda _, stage, __: ran.append(stage))
    (note,) = get_data(tmp_path, lambda *_: None)
    assert words in note
    assert ("gone" in note) == (error is Gone)
    assert ran == ["lend", "code", "fingerprint", "load"]


def test_what_time_decided_comes_from_the_remote_and_is_named_where_it_cannot(project: Path) -> None:
    topics: list[str] = []
    assert get_timed(project, RECIPE, lambda topic, _: topics.append(topic)) == []
    assert topics == []  # nothing in the recipe goes by time
    step = "{technique: prune_channels, budget: {metric: latency, max_ratio: 0.3}}"
    (project / "params.yaml").write_text(f"recipes: {{{RECIPE}: [{step}, {{technique: prune, budget: global}}]}}")
    (project / candidate_record(RECIPE)).unlink()
    shutil.rmtree(project / ".dvc" / "cache")
    assert get_timed(project, RECIPE, lambda *_: None) == []
    assert (project / earlier_record(RECIPE)).read_bytes() == (project / "record.json").read_bytes()
    assert not (project / candidate_record(RECIPE)).exists()
    shutil.rmtree(project / ".dvc" / "cache")
    shutil.rmtree(project.parent / "remote")
    (note,) = get_timed(project, RECIPE, lambda *_: None)
    assert "they were made anew" in note


def test_a_commit_that_is_gone_is_named(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / ".git")
    with names():
        git(project, "init", "--quiet")
    with pytest.raises(VersioningError, match="it is not there"):
        again(project, tmp_path / "again")


def test_a_release_made_outside_of_git_says_so(project: Path, tmp_path: Path) -> None:
    params = params_of(project)
    write_project(params, bias=5)
    assert publish(params).version == 2
    with pytest.raises(ReleaseError, match="made outside of git"):
        reproduce(open_store(params.deployment.store), "shades", 2, ANYBODY, tmp_path / "again", lambda *_: None)
