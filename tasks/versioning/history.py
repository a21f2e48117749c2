"""Git's memory of a release: dvc.lock, dvc.yaml and params.yaml, and the digest of its manifest."""

import re
import subprocess
from pathlib import Path

from tasks.errors import VersioningError

WITNESS = "Manifest SHA-256: "
REMEMBERED = ("params.yaml", "dvc.yaml", "dvc.lock")
CARRIED = ("params.yaml", "dvc.lock")  # by every release
CODE = (":/*.py", ":/*.j2", ":/*.css")  # pathspecs of what runs


def commit(message: str, root: Path = Path()) -> str | None:
    """Commit params.yaml, dvc.yaml and dvc.lock on the current branch, and nothing else.

    Returns:
        the commit, or None where there was nothing to commit.

    Raises:
        VersioningError: git refuses.
    """
    files = [name for name in REMEMBERED if (root / name).exists()]
    git(root, "add", "--", *files)
    if not git(root, "status", "--porcelain", "--", *files):
        return None
    git(root, "commit", "--quiet", "--message", message, "--", *files)
    return git(root, "rev-parse", "HEAD")


def release_message(model: str, version: int, manifest_sha256: str | None) -> str:
    """The message of the commit of a release; a digest in it vouches for the manifest, whatever is in the store."""
    title = f"Release {model} {version}"
    return f"{title}\n\n{WITNESS}{manifest_sha256}" if manifest_sha256 else title


def committed_digests(model: str, version: int, root: Path = Path()) -> frozenset[str]:
    """The SHA-256 of manifests that the history of this branch names for a release; none where git knows nothing."""
    try:
        messages = git(root, "log", "-z", "--format=%B").split("\0")
    except VersioningError:
        return frozenset()
    found = (
        re.fullmatch(release_message(re.escape(model), version, "([0-9a-f]{64})"), text.strip()) for text in messages
    )
    return frozenset(each[1] for each in found if each)


def head(root: Path = Path()) -> tuple[str | None, bool | None]:
    """The commit that is checked out and whether the code differs from it; None twice where git knows nothing.

    Tracked files count, and code that nobody has added yet (modules, templates of pages): a clone has not got it.
    params.yaml and dvc.lock do not count: a release carries them as they are.
    """
    others = [":/", *(f":(exclude){name}" for name in CARRIED)]
    try:
        changes = git(root, "status", "--porcelain", "--untracked-files=no", "--", *others) or git(
            root, "status", "--porcelain", "--untracked-files=all", "--", *CODE
        )
        return git(root, "rev-parse", "HEAD"), bool(changes)
    except VersioningError:
        return None, None


def git(root: Path, *arguments: str) -> str:
    """Return what a git command says in ``root``.

    Raises:
        VersioningError: it fails.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, errors="replace", check=True
        )
    except FileNotFoundError:
        raise VersioningError("Expected git to be installed. Received: no such program.") from None
    except subprocess.CalledProcessError as error:
        way_out = ", or set versioning.commit to false" if arguments[0] in {"add", "commit"} else ""
        raise VersioningError(
            f"Expected `git {arguments[0]}` to work in {root.resolve()}. Received: {error.stderr.strip()}. "
            f"Mend it{way_out}."
        ) from None
    return done.stdout.strip()
