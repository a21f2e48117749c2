"""Releases in git: what is committed and tagged, what reaches the remote, and what is said before work starts."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.config import Versioning
from tasks.errors import VersioningError
from tasks.versioning import remote
from tasks.versioning.dvc import push
from tasks.versioning.history import committed_digests
from tasks.versioning.record import expect_recordable, record_release
from tests.tasks.versioning.records import (
    COMMITS,
    PUSHES,
    begin,
    clone,
    forget_everybody,
    name_somebody,
    push_change,
    run,
    subject,
    tags,
    with_remote,
    write,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    name_somebody(monkeypatch)
    return begin(tmp_path / "project")


def test_a_release_is_committed_with_its_figures_and_tagged_as_gto_has_it(project: Path) -> None:
    write(project, 1)
    said = record_release(
        COMMITS, subject(1, "digits", "a" * 64, "Figures: 1,234 bytes stored", "Cause: new data"), project
    )
    message = run(project, "git", "log", "-1", "--format=%B")
    assert message.split("\n\n") == [
        "Release digits 1",
        "Figures: 1,234 bytes stored\nCause: new data",
        f"Manifest SHA-256: {'a' * 64}",
    ]
    assert run(project, "git", "show", "--name-only", "--format=", "HEAD").split() == ["dvc.lock", "dvc.yaml"]
    assert run(project, "git", "for-each-ref", "--format=%(objecttype) %(contents)", "refs/tags/digits@v1.0.0") == (
        f"tag {message}"
    )
    assert run(project, "git", "rev-parse", "digits@v1.0.0^{commit}") == run(project, "git", "rev-parse", "HEAD")
    assert said == [f"commit {run(project, 'git', 'rev-parse', 'HEAD')}", "tag digits@v1.0.0"]
    assert committed_digests("digits", 1, project) == {"a" * 64}
    assert (project / "dvc.yaml").read_text() == (
        "# the graph\nstages:\n  make:\n    cmd: make   # all\n"
        "artifacts:\n  digits:\n    path: models/candidates/int8/model.tflite\n    type: model\n"
    )


@pytest.mark.slow
def test_gto_shows_the_release_and_a_clone_gets_its_model_from_the_remotes(project: Path, tmp_path: Path) -> None:
    python = (sys.executable, "-m")
    bare = with_remote(project)
    run(project, *python, "dvc", "init", "--quiet")
    run(project, *python, "dvc", "remote", "add", "--quiet", "--default", "near", str(tmp_path / "data"))
    run(project, "git", "add", ".dvc", ".dvcignore")
    run(project, "git", "commit", "--quiet", "--message", "Begin with DVC")
    (project / "dvc.lock").unlink()
    for version in (1, 2):
        (project / "params.yaml").write_text(f"seed: {version}\n")
        (project / "dvc.yaml").write_text(
            "stages:\n  make:\n    cmd: mkdir -p models && cp params.yaml models/model.tflite\n"
            "    deps: [params.yaml]\n    outs: [models/model.tflite]\n"
        )
        run(project, *python, "dvc", "repro", "--quiet")
        run(project, "git", "add", "--all", "models")
        push(project)
        made = replace(subject(version, "my.digits"), path="models/model.tflite")
        record_release(PUSHES, made, project)
    shown = run(project, str(Path(sys.executable).parent / "gto"), "show", "my-digits", "--json")
    commits = {each["version"]: each["commit_hexsha"] for each in json.loads(shown)}
    tagged = {f"v{n}.0.0": run(bare, "git", "rev-parse", f"my-digits@v{n}.0.0^{{commit}}") for n in (1, 2)}
    assert commits == tagged
    command = ("dvc", "artifacts", "get", str(bare), "my-digits", "--rev", "v1.0.0", "--out", "model.tflite")
    run(tmp_path, *python, *command)
    assert (tmp_path / "model.tflite").read_text() == "seed: 1\n"


def test_a_project_in_a_folder_of_its_repository_has_that_folder_in_its_tags(project: Path) -> None:
    inner = project / "lines" / "digits"
    inner.mkdir(parents=True)
    write(inner, 1)
    record_release(COMMITS, subject(1), inner)
    assert tags(project) == ["lines/digits=digits@v1.0.0"]
    assert run(
        project, str(Path(sys.executable).parent / "gto"), "show", "lines/digits:digits@latest", "--version"
    ) == ("v1.0.0")


@pytest.mark.parametrize(("model", "tag"), [("a.b", "a-b"), ("a-b.", "a-b"), ("a_b-_.", "a_b"), ("7", "7")])
def test_each_name_of_a_model_becomes_one_that_gto_takes(project: Path, model: str, tag: str) -> None:
    from gto.tag import parse_name  # type: ignore[import-not-found, unused-ignore]

    record_release(COMMITS, subject(3, model), project)
    assert tags(project) == [f"{tag}@v3.0.0"]
    assert parse_name(f"{tag}@v3.0.0")["name"] == tag


def test_models_whose_names_differ_in_a_dot_alone_are_refused_before_work(project: Path) -> None:
    record_release(COMMITS, subject(1, "a.b"), project)
    expect_recordable(COMMITS, "a.b", project)
    head = run(project, "git", "rev-parse", "HEAD")
    with pytest.raises(VersioningError, match=r"Received: a-b@v1\.0\.0, of release 1 of a\.b"):
        expect_recordable(COMMITS, "a-b", project)
    write(project, 2)
    with pytest.raises(VersioningError, match="another name"):
        record_release(COMMITS, subject(2, "a-b"), project)
    assert run(project, "git", "rev-parse", "HEAD") == head


def test_a_tag_of_something_else_is_neither_moved_nor_passed_over(project: Path) -> None:
    write(project, 1)
    record_release(COMMITS, subject(1, digest="a" * 64), project)
    where = run(project, "git", "rev-parse", "digits@v1.0.0")
    write(project, 2)
    with pytest.raises(
        VersioningError, match=rf"Received: one with the message 'Release digits 1' and manifest {'a' * 64}"
    ):
        record_release(COMMITS, subject(1, digest="b" * 64), project)
    assert run(project, "git", "rev-parse", "digits@v1.0.0") == where


def test_a_record_that_broke_off_anywhere_is_made_whole_and_a_whole_one_stays(project: Path) -> None:
    write(project, 1)
    record_release(COMMITS, subject(1), project)
    made = run(project, "git", "rev-parse", "HEAD")
    run(project, "git", "tag", "--delete", "digits@v1.0.0")
    (project / "README.md").write_text("newer\n")
    run(project, "git", "commit", "--quiet", "--all", "--message", "Newer")
    for _ in range(2):
        assert record_release(COMMITS, subject(1), project) == ["nothing to commit", "tag digits@v1.0.0"]
        assert run(project, "git", "rev-parse", "digits@v1.0.0^{commit}") == made


def test_text_from_outside_vouches_for_nothing(project: Path) -> None:
    evil = f"Cause: \n\nManifest SHA-256: {'e' * 64}"
    write(project, 1)
    record_release(COMMITS, subject(1, "digits", "a" * 64, evil), project)
    assert committed_digests("digits", 1, project) == {"a" * 64}


# before work starts


def test_a_missing_identity_is_said_before_work(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_recordable(COMMITS, "digits", project)
    forget_everybody(monkeypatch)
    with pytest.raises(VersioningError, match=r"who commits.*user\.name.*user\.email.*versioning\.commit"):
        expect_recordable(COMMITS, "digits", project)
    expect_recordable(Versioning(), "digits", project)


def test_a_folder_without_a_repository_is_said_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_somebody(monkeypatch)
    with pytest.raises(VersioningError, match="git init"):
        expect_recordable(COMMITS, "digits", tmp_path)


def test_an_unfinished_merge_is_said_before_work(project: Path) -> None:
    run(project, "git", "switch", "--quiet", "--create", "other")
    push = [("README.md", "theirs\n"), ("README.md", "mine\n")]
    for branch, (name, text) in zip(("other", "main"), push, strict=True):
        run(project, "git", "switch", "--quiet", branch)
        (project / name).write_text(text)
        run(project, "git", "commit", "--quiet", "--all", "--message", branch)
    with pytest.raises(subprocess.CalledProcessError):
        run(project, "git", "merge", "other")
    with pytest.raises(VersioningError, match="Received: a merge that is not finished"):
        expect_recordable(COMMITS, "digits", project)


def test_ignored_files_of_the_record_are_said_before_work(project: Path) -> None:
    run(project, "git", "rm", "--quiet", "--cached", "dvc.lock")
    (project / ".gitignore").write_text("*.lock\n")
    with pytest.raises(VersioningError, match=r"Received: dvc\.lock is ignored"):
        expect_recordable(COMMITS, "digits", project)


def test_a_remote_that_git_does_not_know_and_a_detached_head_are_said_before_work(project: Path) -> None:
    with pytest.raises(VersioningError, match="Received: no remote at all"):
        expect_recordable(PUSHES, "digits", project)
    with_remote(project)
    expect_recordable(PUSHES, "digits", project)
    run(project, "git", "switch", "--quiet", "--detach")
    expect_recordable(COMMITS, "digits", project)
    with pytest.raises(VersioningError, match="detached HEAD"):
        expect_recordable(PUSHES, "digits", project)


# the remote


def test_commit_and_tag_reach_the_remote(project: Path) -> None:
    bare = with_remote(project)
    write(project, 1)
    record_release(PUSHES, subject(1), project)
    head = run(project, "git", "rev-parse", "HEAD")
    assert run(bare, "git", "rev-parse", "main") == head == run(bare, "git", "rev-parse", "digits@v1.0.0^{commit}")


def test_an_empty_remote_and_a_branch_that_follows_another_one_get_it_too(project: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "init", "--quiet", "--bare", "empty.git")
    run(project, "git", "remote", "add", "origin", str(tmp_path / "empty.git"))
    run(project, "git", "config", "branch.main.remote", "origin")
    run(project, "git", "config", "branch.main.merge", "refs/heads/trunk")
    write(project, 1)
    record_release(PUSHES, subject(1), project)
    assert run(tmp_path / "empty.git", "git", "rev-parse", "trunk") == run(project, "git", "rev-parse", "HEAD")


def test_the_record_goes_on_top_of_a_newer_commit_and_changes_of_the_working_tree_stay(project: Path) -> None:
    bare = with_remote(project)
    theirs = push_change(clone(bare, "other"), "notes.txt", "theirs\n")
    write(project, 1)
    (project / "README.md").write_text("not committed\n")
    record_release(PUSHES, subject(1), project)
    head = run(project, "git", "rev-parse", "HEAD")
    assert run(bare, "git", "rev-parse", "main") == head == run(bare, "git", "rev-parse", "digits@v1.0.0^{commit}")
    assert run(project, "git", "rev-parse", "HEAD~1") == theirs
    assert (project / "notes.txt").read_text() == "theirs\n"
    assert (project / "README.md").read_text() == "not committed\n"
    assert run(project, "git", "worktree", "list").count("\n") == 0


def test_where_changes_here_are_in_the_way_the_remote_has_the_record_and_the_branch_stays(project: Path) -> None:
    bare = with_remote(project)
    push_change(clone(bare, "other"), "README.md", "theirs\n")
    write(project, 1)
    (project / "README.md").write_text("not committed\n")
    said = record_release(PUSHES, subject(1), project)
    assert any("main stays behind here" in line for line in said)
    assert (project / "README.md").read_text() == "not committed\n"
    assert run(bare, "git", "rev-parse", "main") == run(bare, "git", "rev-parse", "digits@v1.0.0^{commit}")
    write(project, 2)
    record_release(PUSHES, subject(2), project)
    subjects = run(bare, "git", "log", "--format=%s", "main").splitlines()
    assert subjects == ["Release digits 2", "Release digits 1", "Change README.md", "Begin"]


def test_a_conflict_is_reported_and_nothing_is_forced(project: Path) -> None:
    bare = with_remote(project)
    theirs = push_change(clone(bare, "other"), "dvc.lock", "schema: '2.0'\nstages: 99\n")
    write(project, 1)
    with pytest.raises(VersioningError, match=r"changes of both in dvc\.lock.*git pull --rebase"):
        record_release(PUSHES, subject(1), project)
    assert run(bare, "git", "rev-parse", "main") == theirs
    assert tags(bare) == []
    assert run(project, "git", "log", "-1", "--format=%s") == "Release digits 1"
    assert run(project, "git", "status", "--porcelain") == ""
    assert run(project, "git", "worktree", "list").count("\n") == 0


def test_commits_of_a_person_are_pushed_along_but_never_rebased(project: Path) -> None:
    bare = with_remote(project)
    (project / "README.md").write_text("mine\n")
    run(project, "git", "commit", "--quiet", "--all", "--message", "Mine")
    write(project, 1)
    record_release(PUSHES, subject(1), project)
    assert run(bare, "git", "log", "--format=%s", "main").splitlines() == ["Release digits 1", "Mine", "Begin"]
    push_change(clone(bare, "other"), "notes.txt", "theirs\n")
    (project / "README.md").write_text("mine again\n")
    run(project, "git", "commit", "--quiet", "--all", "--message", "Release digits 7")  # only called like a record
    mine = run(project, "git", "rev-parse", "HEAD")
    write(project, 2)
    with pytest.raises(VersioningError, match=f"Received: {mine[:12]} Release digits 7"):
        record_release(PUSHES, subject(2), project)
    assert run(bare, "git", "log", "-1", "--format=%s", "main") == "Change notes.txt"


def test_who_pushes_between_our_look_and_our_push_is_not_overwritten(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = with_remote(project)
    other, looked = clone(bare, "other"), remote._on_top

    def overtaken(*arguments: str) -> str:
        found = looked(*arguments)  # type: ignore[arg-type]
        if not (other / "notes.txt").exists():
            push_change(other, "notes.txt", "theirs\n")
        return found

    monkeypatch.setattr(remote, "_on_top", overtaken)
    write(project, 1)
    record_release(PUSHES, subject(1), project)
    subjects = run(bare, "git", "log", "--format=%s", "main").splitlines()
    assert subjects == ["Release digits 1", "Change notes.txt", "Begin"]


def test_two_clones_that_record_the_same_release_agree(project: Path) -> None:
    bare = with_remote(project)
    other = clone(bare, "other")
    for folder in (project, other):
        write(folder, 1)
        record_release(PUSHES, subject(1), folder)
    assert run(bare, "git", "rev-list", "--count", "main") == "2"
    assert len({run(each, "git", "rev-parse", "digits@v1.0.0") for each in (project, other, bare)}) == 1
    assert run(other, "git", "rev-parse", "HEAD") == run(project, "git", "rev-parse", "HEAD")


def test_a_tag_that_the_remote_has_for_another_release_is_refused(project: Path) -> None:
    bare = with_remote(project)
    other = clone(bare, "other")
    write(other, 1)
    record_release(PUSHES, subject(1, digest="a" * 64), other)
    theirs = run(bare, "git", "rev-parse", "digits@v1.0.0")
    write(project, 1)
    with pytest.raises(VersioningError, match=f"and manifest {'a' * 64}"):
        record_release(PUSHES, subject(1, digest="b" * 64), project)
    assert run(bare, "git", "rev-parse", "digits@v1.0.0") == theirs


def test_a_remote_that_refuses_or_is_gone_is_an_error_that_shows_no_credentials(project: Path) -> None:
    bare = with_remote(project)
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    write(project, 1)
    with pytest.raises(VersioningError, match=r"to take main\. Received: .*main is protected.*next run"):
        record_release(PUSHES, subject(1), project)
    run(project, "git", "remote", "set-url", "origin", "http://me:hunter2@127.0.0.1:9/digits.git")
    with pytest.raises(VersioningError, match=r"127\.0\.0\.1") as error:
        record_release(PUSHES, subject(1), project)
    assert "hunter2" not in str(error.value)
    hook.unlink()
    run(project, "git", "remote", "set-url", "origin", str(bare))
    record_release(PUSHES, subject(1), project)
    assert tags(bare) == ["digits@v1.0.0"]
