"""The record of a release in git: commit, tag, and both on the remote where one is named."""

from dataclasses import dataclass
from pathlib import Path

from tasks.config import Versioning
from tasks.errors import VersioningError
from tasks.versioning.dvc.artifacts import name_artifact
from tasks.versioning.git import git, run_git
from tasks.versioning.history import REMEMBERED, commit, release_message
from tasks.versioning.remote import branch_of, push_branch, push_tag
from tasks.versioning.tags import artifact_name, expect_free_tag, expect_own_tags, tag_release

UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}


@dataclass(frozen=True)
class Subject:
    """The release that is recorded: ``path`` of its model's file; ``lines`` as for :func:`release_message`."""

    model: str
    version: int
    manifest_sha256: str | None
    path: str
    lines: tuple[str, ...] = ()


def expect_recordable(settings: Versioning, model: str, root: Path = Path()) -> None:
    """Refuse work at whose end git could not record the release. Nothing is asked of another machine.

    Args:
        settings: of params.yaml.
        model: the model's name.
        root: the project's folder.

    Raises:
        VersioningError: there is no repository, git knows no identity, something is unfinished in it, files of the
            record are ignored, tags are another model's, or the remote is none.
    """
    if not settings.commit:
        return
    way_out = "or set versioning.commit to false"
    code, folder, _ = run_git(root, "rev-parse", "--absolute-git-dir")
    if code:
        raise VersioningError(
            f"Expected a git repository in {root.resolve()}, since versioning.commit is true. Received: none. "
            f"Begin one with `git init`, {way_out}."
        )
    for role in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
        code, _, error = run_git(root, "var", role)
        if code:
            raise VersioningError(
                f"Expected git to know who commits, since versioning.commit is true. Received: {_last(error)}. Run "
                f"`git config user.name NAME` and `git config user.email ADDRESS` in the project, {way_out}."
            )
    for name, what in UNFINISHED.items():
        if Path(folder, name).exists():
            raise VersioningError(
                f"Expected a repository in which a commit can be made. Received: {what} that is not finished. "
                f"Finish it (`git status` says how), {way_out}."
            )
    code, ignored, _ = run_git(root, "check-ignore", *REMEMBERED)
    if code == 0:
        raise VersioningError(
            f"Expected git to keep {', '.join(REMEMBERED)}. Received: {', '.join(ignored.split())} is ignored. "
            f"Take it out of .gitignore, {way_out}."
        )
    expect_own_tags(model, root)
    if settings.git_remote:
        branch_of(root, settings.git_remote)


def record_release(settings: Versioning, subject: Subject, root: Path = Path()) -> list[str]:
    """Commit and tag a release, and push both where params.yaml names a remote. To do it again does no harm.

    Args:
        settings: of params.yaml.
        subject: the release, as git is to know it.
        root: the project's folder.

    Returns:
        what was done, a line each.

    Raises:
        VersioningError: git refuses, or the remote; what was done until then stays.
    """
    message = release_message(subject.model, subject.version, subject.manifest_sha256, subject.lines)
    expect_free_tag(subject.model, subject.version, message, root)
    name_artifact(root, artifact_name(subject.model), subject.path)
    made = commit(message, root)
    done = [f"commit {made}" if made else "nothing to commit"]
    where = made or _recorded_by(root)
    if remote := settings.git_remote:
        before = git(root, "rev-parse", "HEAD")
        pushed = push_branch(root, remote)
        done.append(f"{remote} has {pushed.commit}")
        if pushed.note:
            done.append(pushed.note)
        if pushed.commit != before:
            where = _recorded_by(root, pushed.commit)
    tag = tag_release(subject.model, subject.version, where, message, root)
    done.append(f"tag {tag}")
    if remote:
        push_tag(root, remote, tag, message)
        done.append(f"{remote} has {tag}")
    return done


def _recorded_by(root: Path, commit: str = "HEAD") -> str:
    """Return the last commit that changed what a release is made of."""
    found = git(root, "log", "-1", "--format=%H", commit, "--", *REMEMBERED)
    return found or git(root, "rev-parse", commit)


def _last(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ") if lines else "nothing"
