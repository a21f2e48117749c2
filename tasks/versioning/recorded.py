"""Marks of the releases whose record is kept, so that one is made up for where a run ended before it was."""

from pathlib import Path

from tasks.errors import DataError
from tasks.records import Record, read_record, write_record

MARKS = Path(".slimline/recorded")


class Mark(Record):
    """The steps that were done to remember a release: data and models pushed, dvc.lock and params.yaml committed.

    ``git_remote``: got the commit and the tag.
    """

    model: str
    version: int
    push: bool
    commit: bool
    git_remote: str | None = None


def mark_recorded(manifest_sha256: str, mark: Mark, marks: Path = MARKS) -> None:
    """Note that the record of the release with this manifest is kept.

    Args:
        manifest_sha256: of the release.
        mark: what was recorded, and where to.
        marks: the folder of the marks.
    """
    write_record(_file(manifest_sha256, marks), mark)


def is_recorded(manifest_sha256: str, mark: Mark, marks: Path = MARKS) -> bool:
    """Return whether the record of the release with this manifest is kept, just as ``mark`` asks for it.

    Args:
        manifest_sha256: of the release.
        mark: what is to be recorded, and where to.
        marks: the folder of the marks.
    """
    try:
        return read_record(_file(manifest_sha256, marks), Mark) == mark
    except DataError:  # none, or one of another version: to record again does no harm
        return False


def _file(manifest_sha256: str, marks: Path) -> Path:
    return marks / f"{manifest_sha256}.json"
