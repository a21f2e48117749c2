import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import VersioningError
from tasks.versioning.dvc import push
from tasks.versioning.history import commit, committed_digests, head, release_message


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.com")
    folder = tmp_path / "project"
    folder.mkdir()
    _run(folder, "git", "init", "--quiet")
    _run(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    _run(folder, sys.executable, "-m", "dvc", "remote", "add", "--default", "near", str(tmp_path / "remote"))
    _run(folder, "git", "add", ".dvc", ".dvcignore")
    _run(folder, "git", "commit", "--quiet", "--message", "Begin")
    (folder / "params.yaml").write_text("seed: 1\n")
    (folder / "dvc.yaml").write_text("stages:\n  make:\n    cmd: cp params.yaml made.txt\n    outs: [made.txt]\n")
    _run(folder, sys.executable, "-m", "dvc", "repro", "--quiet")
    return folder


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_release_is_committed_with_its_params_and_lock_and_nothing_else(project: Path) -> None:
    (project / "other.txt").write_text("mine")
    _run(project, "git", "add", "other.txt")
    made = commit("Release digits 1", project)
    assert made == _run(project, "git", "rev-parse", "HEAD")
    assert _run(project, "git", "show", "--name-only", "--format=%s", "HEAD").split("\n\n") == [
        "Release digits 1",
        "dvc.lock\ndvc.yaml\nparams.yaml",
    ]
    assert "A  other.txt" in _run(project, "git", "status", "--porcelain")


def test_the_history_vouches_for_the_manifests_that_its_releases_name(project: Path) -> None:
    (project / "params.yaml").write_text("seed: 2\n")
    commit(release_message("my.model", 1, "a" * 64), project)
    for message in (
        release_message("myxmodel", 1, "b" * 64),
        release_message("my.model", 11, "c" * 64),
        release_message("my.model", 1, None),
        f"Not a release\n\n{release_message('my.model', 1, 'd' * 64)}",
    ):
        _run(project, "git", "commit", "--quiet", "--allow-empty", "--message", message)
    assert committed_digests("my.model", 1, project) == {"a" * 64}
    assert committed_digests("my.model", 2, project) == frozenset()
    assert committed_digests("my.model", 1, project.parent) == frozenset()


def test_nothing_changed_is_no_commit(project: Path) -> None:
    commit("first", project)
    assert commit("second", project) is None
    assert _run(project, "git", "rev-list", "--count", "HEAD") == "2"


def test_outputs_reach_the_remote(project: Path) -> None:
    assert push(project) == 1
    assert push(project) == 0
    contents = [path.read_text() for path in (project.parent / "remote").rglob("*") if path.is_file()]
    assert "seed: 1\n" in contents


def _expect_refused(project: Path, monkeypatch: pytest.MonkeyPatch, url: str, reason: str) -> None:
    _run(project, sys.executable, "-m", "dvc", "remote", "add", "--default", "--force", "near", url)
    if url.startswith("s3:"):
        _run(project, sys.executable, "-m", "dvc", "remote", "modify", "near", "endpointurl", "http://127.0.0.1:9")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "nobody")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(VersioningError, match=rf"{reason}.*versioning\.push"):
        push(project)


def test_a_remote_that_is_no_folder_is_an_error_with_a_message(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.parent / "file").touch()
    _expect_refused(project, monkeypatch, str(project.parent / "file" / "remote"), "Not a directory")


def test_a_remote_that_nobody_serves_is_an_error_with_a_message(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _expect_refused(project, monkeypatch, "s3://nowhere/remote", "Could not connect")


def test_a_folder_that_git_does_not_know_is_an_error_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    with pytest.raises(VersioningError, match=r"versioning\.commit"):
        commit("never", tmp_path)


def test_the_head_is_the_commit_and_tells_of_changes_that_a_release_does_not_carry(project: Path) -> None:
    made = commit("first", project)
    assert head(project) == (made, False)
    (project / "params.yaml").write_text("seed: 2\n")
    (project / "dvc.lock").write_text("stages: {}\n")
    assert head(project) == (made, False)
    (project / "dvc.yaml").write_text("stages: {}\n")
    assert head(project) == (made, True)


def test_a_module_that_was_never_added_is_a_change_unless_git_ignores_it(project: Path) -> None:
    made = commit("first", project)
    (project / "notes.txt").write_text("not code")
    (project / ".git" / "info" / "exclude").write_text("/.venv/\n")
    for folder in (".venv", "mine"):
        (project / folder).mkdir()
    (project / ".venv" / "other.py").touch()
    assert head(project) == (made, False)
    (project / "mine" / "network.py").touch()
    assert head(project) == (made, True)
    assert head(project / ".venv") == (made, True)  # from wherever in the repository
    (project / "mine" / "network.py").unlink()
    (project / "mine" / "page.html.j2").touch()
    assert head(project) == (made, True)


def test_there_is_no_head_without_git(tmp_path: Path) -> None:
    assert head(tmp_path) == (None, None)
