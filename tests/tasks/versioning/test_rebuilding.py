import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.exceptions import DownloadError

from tasks.errors import VersioningError
from tasks.versioning.dvc import Gone, locked_outputs, pull
from tasks.versioning.rebuilding import clone_at, lend_source, put_files, run_again, stages_to_run

STAGES = """
stages:
  load:
    cmd: cp source.txt data.txt
    params: [source]
    outs: [data.txt]
  train:
    cmd: python make.py
    deps: [data.txt, make.py]
    outs: [model.txt]
"""
MAKE = """
from pathlib import Path
print("makes the model")
Path("model.txt").write_text(Path("data.txt").read_text().upper())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project inside a repository, with one run whose data is in the remote and no longer in the source."""
    folder = tmp_path_factory.mktemp("rebuilding") / "repository" / "inside"
    folder.mkdir(parents=True)
    run(folder.parent, "git", "init", "--quiet")
    run(folder, sys.executable, "-m", "dvc", "init", "--quiet", "--subdir")
    with (folder / ".dvc" / "config").open("a") as settings:
        settings.write("[core]\n    remote = near\n['remote \"near\"']\n    url = ../../.remote\n")
    (folder / ".dvc" / "config.local").write_text("['remote \"near\"']\n    verify = true\n")
    for name, text in {"dvc.yaml": STAGES, "params.yaml": "source: 1\n", "make.py": MAKE, "source.txt": "abc"}.items():
        (folder / name).write_text(text)
    run(folder, "git", "add", ".dvc", "dvc.yaml", "params.yaml", "make.py")
    run(folder, "git", "commit", "--quiet", "--message", "Begin")
    run(folder, sys.executable, "-m", "dvc", "repro", "--quiet")
    run(folder, sys.executable, "-m", "dvc", "push", "--quiet")
    (folder / "source.txt").unlink()
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "repository")
    return tmp_path / "repository" / "inside"


def run(folder: Path, *command: str) -> str:
    names = {f"GIT_{role}_{part}": "somebody" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = os.environ | names | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()


def head(project: Path) -> str:
    return run(project, "git", "rev-parse", "HEAD")


def clone(project: Path, folder: Path) -> Path:
    copy = clone_at(head(project), folder, project)
    put_files(copy, {"dvc.lock": (project / "dvc.lock").read_bytes()})
    return copy


def test_stages_run_again_in_a_clean_clone_on_the_remotes_data(project: Path, tmp_path: Path) -> None:
    copy = clone(project, tmp_path / "clone")
    assert copy == tmp_path / "clone" / "inside"
    assert not (copy / "data.txt").exists()
    pull(copy, ["load"])
    said: list[str] = []
    run_again(copy, "train", said.append)
    assert "makes the model" in said
    assert (copy / "model.txt").read_text() == "ABC"
    run_again(copy, "train", said.append)
    assert said.count("makes the model") == 2  # nothing was restored


@pytest.mark.parametrize(("threads", "told"), [(5, "5"), (None, "2")])
def test_a_stage_has_as_many_threads_as_it_is_told(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int | None, told: str
) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    copy = clone(project, tmp_path / "clone")
    pull(copy, ["load"])
    (copy / "make.py").write_text("import os; print('threads', os.environ['TF_NUM_INTRAOP_THREADS'])\n" + MAKE)
    said: list[str] = []
    run_again(copy, "train", said.append, threads)
    assert f"threads {told}" in said


def test_what_a_stage_needs_is_run_before_it_unless_it_is_ready(project: Path) -> None:
    assert stages_to_run(project, "train", ()) == ["load", "train"]
    assert stages_to_run(project, "train", ["load"]) == ["train"]
    assert stages_to_run(project, "load", ()) == ["load"]
    with pytest.raises(VersioningError, match="Expected the stage test in the dvc"):
        stages_to_run(project, "test", ())


def test_the_commits_own_code_runs_and_not_the_working_trees(project: Path, tmp_path: Path) -> None:
    (project / "make.py").write_text("raise SystemExit(1)")
    copy = clone(project, tmp_path / "clone")
    pull(copy, ["load"])
    run_again(copy, "train", print)
    assert (copy / "model.txt").read_text() == "ABC"


def test_local_settings_of_the_remote_go_along_and_are_nobody_elses_to_read(project: Path, tmp_path: Path) -> None:
    copy = clone(project, tmp_path / "clone")
    settings = copy / ".dvc" / "config.local"
    assert "verify = " in settings.read_text()
    assert "url = ../../../repository/.remote\n" in settings.read_text()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600


def test_a_commit_that_is_not_here_is_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(VersioningError, match=r"Expected commit 0{40}.*it is not there. Fetch"):
        clone_at("0" * 40, tmp_path / "clone", project)


def test_data_gone_from_the_remote_is_named(project: Path, tmp_path: Path) -> None:
    copy = clone(project, tmp_path / "clone")
    (digest,) = (value for name, value in locked_outputs((copy / "dvc.lock").read_text()).items() if name == "data.txt")
    (project.parent / ".remote" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(Gone, match=f"Expected the outputs of load in DVC's remote.*{digest}"):
        pull(copy, ["load"])


def test_a_remote_that_cannot_be_read_is_not_one_that_has_lost_the_data(project: Path, tmp_path: Path) -> None:
    remote = project.parent / ".remote"
    shutil.rmtree(remote)
    remote.write_text("not a folder")
    with pytest.raises(VersioningError, match=r"Received: .*Not a directory") as caught:
        pull(clone(project, tmp_path / "clone"), ["load"])
    assert not isinstance(caught.value, Gone)


def test_why_dvc_reached_nothing_is_told(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        expired = PermissionError("The provided token has expired.")
        logging.getLogger("dvc_data.index.fetch").error("failed to connect to s3 (bucket)", exc_info=expired)
        raise DownloadError(1)

    copy = clone(project, tmp_path / "clone")
    monkeypatch.setattr("dvc.repo.Repo.pull", refuse)
    with pytest.raises(VersioningError, match=r"failed to connect to s3 \(bucket\): The provided token") as caught:
        pull(copy, ["load"])
    assert not isinstance(caught.value, Gone)


@pytest.mark.parametrize("source", ["photos/", "../photos.zip", "data/photos"])
def test_a_source_in_the_projects_folder_that_is_not_in_git_is_lent(project: Path, tmp_path: Path, source: str) -> None:
    (project / source).parent.mkdir(exist_ok=True)
    (project / source).write_text("pictures") if source.endswith("zip") else (project / source).mkdir()
    copy = clone(project, tmp_path / "clone")
    (copy / "params.yaml").write_text(f"data: {{source: {source}}}\n")
    lend_source(copy, project)
    assert (copy / source).resolve() == (project / source).resolve()


@pytest.mark.parametrize("source", ["digits", "make.py", "s3://bucket/photos", "/tmp", "../../../{top}"])
def test_no_other_source_is_lent(project: Path, tmp_path: Path, source: str) -> None:
    source = source.format(top=tmp_path.name)  # three folders up are outside of what holds the clone
    assert (project / source).exists() == source.startswith(("make", "/", ".."))
    copy = clone(project, tmp_path / "copies" / "clone")
    (copy / "params.yaml").write_text(f"data: {{source: '{source}'}}\n")
    before = sorted(tmp_path.rglob("*"))
    lend_source(copy, project)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_stage_does_not_get_the_signing_key(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMLINE_SIGNING_KEY", "secret")
    copy = clone(project, tmp_path / "clone")
    (copy / "source.txt").write_text("abc")
    (copy / "dvc.yaml").write_text(STAGES.replace("cp source.txt", "echo key $SLIMLINE_SIGNING_KEY. && cp source.txt"))
    said: list[str] = []
    run_again(copy, "load", said.append)
    assert "key ." in said


def test_a_stage_that_fails_says_what_it_said(project: Path, tmp_path: Path) -> None:
    copy = clone(project, tmp_path / "clone")
    pull(copy, ["load"])
    (copy / "make.py").write_text("raise SystemExit('no more memory')")
    with pytest.raises(VersioningError, match=r"(?s)Expected stage train.*no more memory"):
        run_again(copy, "train", print)


def test_the_outputs_of_a_lock_are_listed(project: Path) -> None:
    outputs = locked_outputs((project / "dvc.lock").read_text())
    assert set(outputs) == {"data.txt", "model.txt"}
    assert all(len(digest) == 32 for digest in outputs.values())


@pytest.mark.parametrize("text", ["", "a: [", "schema: '2.0'\n", "stages: 3\n"])
def test_what_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(VersioningError, match="Expected a dvc"):
        locked_outputs(text)
