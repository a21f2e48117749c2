"""Tags of releases, which GTO reads as versions of an artifact: ``MODEL@vN.0.0``.

GTO wants a semantic version, and names of letters, digits, ``_``, ``-`` and ``/`` that end in a letter or a digit. So a
dot of a model's name becomes ``-``, and what is left at the end is cut. In a repository that holds the project in a
folder, GTO finds an artifact as ``folder=MODEL``.

Source: GTO 1.10, ``gto/constants.py`` (names) and ``gto/tag.py`` (tags); https://dvc.org/doc/gto/user-guide.
"""

import re
from pathlib import Path

from tasks.errors import VersioningError
from tasks.versioning.git import git
from tasks.versioning.history import release_of, witnessed

FOLDER = re.compile(r"[a-zA-Z0-9-_./]+")  # of an artifact that does not lie in the repository's own folder


def artifact_name(model: str) -> str:
    """Return the name under which GTO and DVC know a model.

    Args:
        model: the model's name.
    """
    return model.replace(".", "-").rstrip("-_")


def tag_name(model: str, version: int, root: Path = Path()) -> str:
    """Return the tag of a release of the project in ``root``.

    Args:
        model: the model's name.
        version: of the release.
        root: the project's folder.

    Raises:
        VersioningError: it lies in no repository.
    """
    return f"{_prefix(root)}{artifact_name(model)}@v{version}.0.0"


def expect_own_tags(model: str, root: Path = Path()) -> None:
    """Refuse a model whose tags another model has already: names that differ in a dot alone are one to GTO.

    Args:
        model: the model's name.
        root: the project's folder.

    Raises:
        VersioningError: a tag is of another model's release.
    """
    pattern = f"refs/tags/{_prefix(root)}{artifact_name(model)}@v*"
    found = git(root, "for-each-ref", "--format=%(refname:strip=2)%09%(contents:subject)", pattern)
    for tag, subject in (line.split("\t", 1) for line in found.splitlines()):
        release = release_of(subject)
        if release is not None and release[0] != model:
            raise VersioningError(
                f"Expected tags {artifact_name(model)}@v… for {model} alone. Received: {tag}, of release {release[1]} "
                f"of {release[0]}; GTO knows no dots in names. Give one of the two models another name "
                f"(deployment.model), or set versioning.commit to false."
            )


def expect_free_tag(model: str, version: int, message: str, root: Path = Path()) -> bool:
    """Return whether a release has no tag yet; refuse one that is of something else.

    Args:
        model: the model's name.
        version: of the release.
        message: of the release's commit, see :func:`tasks.versioning.history.release_message`.
        root: the project's folder.

    Raises:
        VersioningError: the tag is of something else, or tags of this name are another model's.
    """
    expect_own_tags(model, root)
    tag = tag_name(model, version, root)
    there = tag_message(f"refs/tags/{tag}", root)
    if there is not None:
        expect_same_release(tag, there, message)
    return there is None


def tag_release(model: str, version: int, commit: str, message: str, root: Path = Path()) -> str:
    """Tag the commit of a release, unless its tag is there.

    Args:
        model: the model's name.
        version: of the release.
        commit: that the tag is to name.
        message: of the tag, that of the release's commit.
        root: the project's folder.

    Returns:
        the tag.

    Raises:
        VersioningError: see :func:`expect_free_tag`, or git refuses.
    """
    tag = tag_name(model, version, root)
    if expect_free_tag(model, version, message, root):
        git(root, "tag", "--annotate", "--cleanup=verbatim", "--message", message, tag, commit)
    return tag


def tag_message(ref: str, root: Path = Path()) -> str | None:
    """Return the message of a tag, None where there is no such tag.

    Args:
        ref: as ``refs/tags/digits@v1.0.0``.
        root: the project's folder.
    """
    return git(root, "for-each-ref", "--format=%(objectname)%0a%(contents)", ref).partition("\n")[2] or None


def expect_same_release(tag: str, there: str, message: str) -> None:
    """Refuse a tag whose message is about another release than ours.

    Args:
        tag: its name.
        there: the message that it has.
        message: the message that it is to have.

    Raises:
        VersioningError: it is; tags do not move.
    """
    ours, theirs = witnessed(message), witnessed(there)
    if release_of(there) == release_of(message) and (ours is None or theirs is None or ours == theirs):
        return
    said = f"{there.strip().partition(chr(10))[0][:100]!r}{f' and manifest {theirs}' if theirs else ''}"
    raise VersioningError(
        f"Expected no tag {tag}, or one of the same release. Received: one with the message {said}. Tags are never "
        f"moved: remove it (`git tag --delete {tag}`) if it is of no use, or give the model another name "
        f"(deployment.model)."
    )


def _prefix(root: Path) -> str:
    """Return what stands before an artifact's name where the project lies in a folder of its repository."""
    folder = git(root, "rev-parse", "--show-prefix").rstrip("/")
    return f"{folder}=" if folder and FOLDER.fullmatch(folder) else ""
