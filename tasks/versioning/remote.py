"""The commit and the tag of a release on git's remote: never forced, and nothing of others is moved.

Where somebody has pushed a newer commit meanwhile, the record's own commits are put on top of it, in a working tree
beside the project's, if they are all that this branch is ahead. Files that both have changed are a conflict: it is
reported, and the branch stays as it is.
"""

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import VersioningError
from tasks.versioning.git import REMOTE, git, run_git
from tasks.versioning.history import REMEMBERED, release_of
from tasks.versioning.tags import expect_same_release, tag_message

ATTEMPTS = 3  # while others push, too
NEWER = re.compile(
    r"^!\t\S+\t\[rejected\]|cannot lock ref|failed to update ref", re.MULTILINE
)  # of `git push --porcelain`
THEIRS = "refs/slimline/theirs"  # what is fetched to be looked at


@dataclass(frozen=True)
class Pushed:
    """The commit that the remote's branch has now, and what is left to say."""

    commit: str
    note: str | None


def branch_of(root: Path, remote: str) -> tuple[str, str]:
    """Return the branch that is checked out, and the one of the remote that it belongs to.

    Args:
        root: the project's folder.
        remote: the name of a remote of git.

    Raises:
        VersioningError: there is no such remote, or no branch is checked out.
    """
    code, _, _ = run_git(root, "remote", "get-url", remote)
    if code:
        raise VersioningError(
            f"Expected a remote {remote!r} of git, as versioning.git_remote says. Received: {_remotes(root)}. "
            f"See `git remote -v`, or set versioning.git_remote to null."
        )
    code, branch, _ = run_git(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    if code:
        raise VersioningError(
            "Expected a branch that releases are recorded on, since versioning.git_remote is set. Received: a detached "
            "HEAD. Check a branch out (`git switch BRANCH`), or set versioning.git_remote to null."
        )
    code, upstream, _ = run_git(root, "config", f"branch.{branch}.merge")
    code, its_remote, _ = run_git(root, "config", f"branch.{branch}.remote")
    return branch, upstream.removeprefix("refs/heads/") if upstream and its_remote == remote else branch


def push_branch(root: Path, remote: str) -> Pushed:
    """Bring what the branch has to the remote; commits of releases go on top of what is newer there.

    Args:
        root: the project's folder.
        remote: of git.

    Returns:
        the commit that the remote has now, and what is to be said of it.

    Raises:
        VersioningError: the remote does not take it, or others have changed the same files.
    """
    branch, target = branch_of(root, remote)
    before = git(root, "rev-parse", "HEAD")
    for _ in range(ATTEMPTS):
        commit = _on_top(root, remote, target, before)
        refused = _push(root, remote, f"{commit}:refs/heads/{target}")
        if refused is None:
            return Pushed(commit, _follow(root, branch, before, commit))
        if not NEWER.search(refused):
            raise _refusal(remote, target, refused)
    raise _refusal(remote, target, f"others push all the time; {ATTEMPTS} attempts")


def push_tag(root: Path, remote: str, tag: str, message: str) -> None:
    """Bring the tag of a release to the remote; one of the same release that is there already is taken over.

    Args:
        root: the project's folder.
        remote: the name of a remote of git.
        tag: of the release, as it is here.
        message: of the tag.

    Raises:
        VersioningError: the remote does not take it, or has it for something else.
    """
    refused = _push(root, remote, f"refs/tags/{tag}")
    if refused is None:
        return
    if not NEWER.search(refused):
        raise _refusal(remote, tag, refused)
    git(root, "fetch", "--quiet", "--no-tags", remote, f"+refs/tags/{tag}:{THEIRS}", seconds=REMOTE)
    try:
        expect_same_release(tag, tag_message(THEIRS, root) or "", message)
        git(root, "update-ref", f"refs/tags/{tag}", git(root, "rev-parse", THEIRS))
    finally:
        git(root, "update-ref", "-d", THEIRS)


def _on_top(root: Path, remote: str, target: str, commit: str) -> str:
    """Return a commit that holds ours and all that the remote's branch has."""
    if not git(root, "ls-remote", remote, f"refs/heads/{target}", seconds=REMOTE):
        return commit  # there is no such branch yet
    theirs = f"refs/remotes/{remote}/{target}"
    git(root, "fetch", "--quiet", "--no-tags", remote, f"+refs/heads/{target}:{theirs}", seconds=REMOTE)
    if run_git(root, "merge-base", "--is-ancestor", theirs, commit)[0] == 0:
        return commit
    if others := _not_records(root, theirs, commit):
        raise VersioningError(
            f"Expected this branch to be ahead of {remote}/{target} by commits of releases alone, as it has newer "
            f"commits. Received: {others[0]}. Bring them together (`git pull --rebase`) and run again: nothing was "
            f"pushed to git."
        )
    return _rebased(root, remote, target, theirs, commit)


def _not_records(root: Path, theirs: str, commit: str) -> list[str]:
    """Name the commits that are here alone and are no records of releases."""
    prefix = git(root, "rev-parse", "--show-prefix")
    own = {f"{prefix}{name}" for name in REMEMBERED}
    found = []
    for line in git(root, "log", "--format=%H%x09%P%x09%s", f"{theirs}..{commit}").splitlines():
        name, parents, subject = line.split("\t", 2)
        files = git(root, "diff-tree", "--no-commit-id", "--name-only", "-r", "-z", name).split("\0")
        if len(parents.split()) != 1 or release_of(subject) is None or not set(filter(None, files)) <= own:
            found.append(f"{name[:12]} {subject[:100]}")
    return found


def _rebased(root: Path, remote: str, target: str, theirs: str, commit: str) -> str:
    """Put our commits on top of theirs, in a working tree of its own: the project's stays as it is."""
    with tempfile.TemporaryDirectory(prefix="slimline-git-") as folder:
        tree = Path(folder, "tree")
        without_hooks = ("-c", "core.hooksPath=/dev/null")  # they are about the project's own working tree
        git(root, *without_hooks, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            code, said, error = run_git(tree, *without_hooks, "rebase", "--quiet", theirs)
            if code:
                both = git(tree, "diff", "--name-only", "--diff-filter=U").split("\n")
                run_git(tree, "rebase", "--abort")
                received = f"changes of both in {', '.join(both)}" if any(both) else error or said
                raise VersioningError(
                    f"Expected the record of the release to go on top of what is new in {remote}/{target}. Received: "
                    f"{received}. Bring them together (`git pull --rebase`) and run again: the release is in the "
                    f"store, its commit is here, and nothing was pushed to git."
                )
            return git(tree, "rev-parse", "HEAD")
        finally:
            with contextlib.suppress(VersioningError):
                git(root, "worktree", "remove", "--force", str(tree))


def _follow(root: Path, branch: str, before: str, commit: str) -> str | None:
    """Let the branch here be what was pushed, unless somebody's changes are in the way."""
    if commit == before:
        return None
    if git(root, "rev-parse", f"refs/heads/{branch}") == before:
        code, _, error = run_git(root, "reset", "--quiet", "--keep", commit)
        if code == 0:
            return None
    else:
        error = "it has moved meanwhile"
    return f"{branch} stays behind here: {error}. `git pull --rebase` brings it along"


def _push(root: Path, remote: str, ref: str) -> str | None:
    """Push one ref; gives what was said where it was not taken."""
    code, said, error = run_git(root, "push", "--porcelain", "--no-follow-tags", remote, ref, seconds=REMOTE)
    return None if code == 0 else f"{said}\n{error}"


def _refusal(remote: str, what: str, said: str) -> VersioningError:
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("To ", "Done", "hint:"))]
    return VersioningError(
        f"Expected git's remote {remote} to take {what}. Received: {'; '.join(lines)[-600:]}. The release is in the "
        f"store and its commit is here; the next run pushes again."
    )


def _remotes(root: Path) -> str:
    return ", ".join(run_git(root, "remote")[1].split()) or "no remote at all"
