"""DVC's remotes: what goes there and what is brought from there."""

import contextlib
import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from tasks.errors import VersioningError
from tasks.s3.failures import FAILURES
from tasks.text import one_line

LAST_REASONS = 3  # shown in the error of what could not be pulled


class Gone(VersioningError):
    """DVC's remote answers, and does not have what was asked of it."""


def remote_urls(root: Path = Path()) -> tuple[str, ...]:
    """Return where DVC's remotes are; none where this is no DVC repository.

    Args:
        root: the project's folder.

    Raises:
        VersioningError: DVC's settings cannot be read.
    """
    from dvc.config import Config, ConfigError

    if not (root / ".dvc").is_dir():
        return ()
    try:
        return tuple(str(remote["url"]) for remote in Config(str((root / ".dvc").resolve()))["remote"].values())
    except ConfigError as error:
        raise VersioningError(f"Expected {root / '.dvc'} to hold DVC's settings. Received: {error}. Mend it.") from None


def push(root: Path = Path()) -> int:
    """Copy the outputs of all stages to DVC's default remote.

    Args:
        root: the project's folder.

    Returns:
        number of files that were copied.

    Raises:
        VersioningError: the remote cannot be written.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return int(repo.push())
    except (DvcException, OSError, *FAILURES) as error:  # DVC lets what its stores raise through
        raise VersioningError(
            f"Expected DVC's remote to take data and models. Received: {one_line(error)}. "
            f"See `dvc remote list`, or set versioning.push to false."
        ) from None


def pull(project: Path, stages: Collection[str]) -> None:
    """Get the outputs of stages from DVC's remote, as dvc.lock names them.

    Args:
        project: its folder, with the dvc.lock that names the outputs.
        stages: their names.

    Raises:
        Gone: the remote does not have them.
        VersioningError: the remote cannot be read.
    """
    # a stage's name alone would be looked for in the working directory
    targets = [f"{project.resolve() / 'dvc.yaml'}:{stage}" for stage in stages]
    _pull(project, targets, f"the outputs of {', '.join(stages)}")


def pull_file(project: Path, path: Path) -> None:
    """Get one output from DVC's remote, as dvc.lock names it.

    Args:
        project: its folder, with the dvc.lock that names the output.
        path: of the output, relative to the project.

    Raises:
        Gone: the remote does not have it.
        VersioningError: the remote cannot be read.
    """
    _pull(project, [str(project.resolve() / path)], str(path))


def share_remotes(root: Path, clone: Path) -> None:
    """Let a clone read from the same remotes, local settings and credentials included.

    Args:
        root: the project whose remotes they are.
        clone: the project in a clone; its ``config.local`` gets them, mode 0600.

    Raises:
        VersioningError: one of the two is no DVC repository.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            core = {"remote": repo.config["core"]["remote"]} if "remote" in repo.config["core"] else {}
            remotes = {name: dict(config) for name, config in repo.config["remote"].items()}
        (clone / ".dvc" / "config.local").touch(mode=0o600)  # it may get credentials
        with Repo(str(clone)) as opened, opened.config.edit("local") as local:
            local["core"] = core
            local["remote"] = remotes
    except DvcException as error:
        raise VersioningError(
            f"Expected {root.resolve()} and its clone to be DVC repositories. Received: {one_line(error)}. "
            f"Run this in the folder of your project."
        ) from None


def _pull(project: Path, targets: list[str], what: str) -> None:
    from dvc.exceptions import CheckoutError, DownloadError, DvcException
    from dvc.repo import Repo

    expected = f"Expected {what} in DVC's remote."
    with _warnings() as told:
        try:
            with Repo(str(project)) as repo:
                repo.pull(targets=targets, force=True)
        except (DvcException, OSError) as error:
            reasons = told[:LAST_REASONS] or [(one_line(error), None)]
            received = f"Received: {'; '.join(words for words, _ in reasons)}."
            unreached = [cause for _, cause in told if cause and not isinstance(cause, FileNotFoundError)]
            if told and not unreached and isinstance(error, CheckoutError | DownloadError):
                raise Gone(
                    f"{expected} {received} `dvc push` on the machine that made the release brings them there."
                ) from None
            raise VersioningError(
                f"{expected} {received} See `dvc remote list`, and whether you may read from it."
            ) from None


@contextlib.contextmanager
def _warnings() -> Iterator[list[tuple[str, BaseException | None]]]:
    """Collect DVC's warnings in this block, each with the exception behind it: its own exceptions only count files."""
    told: list[tuple[str, BaseException | None]] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            cause = record.exc_info[1] if record.exc_info else None
            words = one_line(record.getMessage())
            told.append((f"{words}: {cause}" if cause else words, cause))

    ear, logger = Ear(logging.WARNING), logging.getLogger("dvc_data")
    logger.addHandler(ear)
    try:
        yield told
    finally:
        logger.removeHandler(ear)
