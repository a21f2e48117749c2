"""Git's memory of a release: dvc.lock, dvc.yaml and params.yaml, and the digest of its manifest."""

import re
from collections.abc import Iterable
from pathlib import Path

from tasks.config import CARRIED
from tasks.errors import VersioningError
from tasks.text import visible
from tasks.versioning.git import git

WITNESS = "Manifest SHA-256: "
TITLE = re.compile(r"Release ([a-z0-9][a-z0-9_.-]{0,62}) ([1-9][0-9]{0,14})")
LINE = 500  # characters of a line of a message
REMEMBERED = (*CARRIED, "dvc.yaml")
CODE = (":/*.py", ":/*.j2", ":/*.css")  # pathspecs of what runs


def commit(message: str, root: Path = Path()) -> str | None:
    """Commit params.yaml, dvc.yaml and dvc.lock on the current branch, and nothing else.

    Args:
        message: of the commit.
        root: the project's folder.

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


def release_message(model: str, version: int, manifest_sha256: str | None, lines: Iterable[str] = ()) -> str:
    """Return the message of the commit of a release; a digest in it vouches for the manifest, whatever is in the store.

    Args:
        model: the model's name.
        version: of the release.
        manifest_sha256: of the manifest that this project has made; None where it vouches for none.
        lines: what is to be known of the release, each on a line that begins with a word of its own and a colon, so
            that no text from outside passes for the digest.
    """
    parts = [f"Release {model} {version}"]
    if told := "\n".join(visible(line)[:LINE] for line in lines):
        parts.append(told)
    if manifest_sha256:
        parts.append(f"{WITNESS}{manifest_sha256}")
    return "\n\n".join(parts)


def committed_digests(model: str, version: int, root: Path = Path()) -> frozenset[str]:
    """Return the SHA-256 of manifests that this branch's history names for a release; none where git knows nothing.

    Args:
        model: the model's name.
        version: of the release.
        root: the project's folder.
    """
    try:
        messages = git(root, "log", "-z", "--format=%B").split("\0")
    except VersioningError:
        return frozenset()
    return frozenset(
        digest for text in messages if (digest := witnessed(text)) and release_of(text) == (model, version)
    )


def release_of(message: str) -> tuple[str, int] | None:
    """Return model and version of the release that the message of a commit or a tag is about, if it is about one.

    Args:
        message: of a commit or a tag.
    """
    found = TITLE.fullmatch(message.strip().partition("\n")[0])
    return (found[1], int(found[2])) if found else None


def witnessed(message: str) -> str | None:
    """Return the SHA-256 of a manifest for which a message vouches: in a paragraph of its own, the last one.

    Args:
        message: of a commit or a tag.
    """
    found = re.search(rf"\n\n{WITNESS}([0-9a-f]{{64}})\Z", message.strip())
    return found[1] if found else None


def head(root: Path = Path()) -> tuple[str | None, bool | None]:
    """Return the commit that is checked out, and whether the code differs from it; None twice where git knows nothing.

    Tracked files count, and code that nobody has added yet (modules, templates of pages): a clone has not got it.
    params.yaml and dvc.lock do not count: a release carries them as they are.

    Args:
        root: the project's folder.
    """
    others = [":/", *(f":(exclude){name}" for name in CARRIED)]
    try:
        changes = git(root, "status", "--porcelain", "--untracked-files=no", "--", *others) or git(
            root, "status", "--porcelain", "--untracked-files=all", "--", *CODE
        )
        return git(root, "rev-parse", "HEAD"), bool(changes)
    except VersioningError:
        return None, None
