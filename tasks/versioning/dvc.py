"""All of DVC's words: its Python API, its commands and what they print, its status and its lock file.

No other module imports DVC or knows how it puts things; what leaves this one is in slimline's words.
"""

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.errors import VersioningError
from tasks.s3.failures import FAILURES

Progress = Literal["Ran", "Restored", "Unchanged"]
PROGRESS: tuple[tuple[str, Progress], ...] = (  # what `dvc repro` prints, and what happened then
    ("Running stage", "Ran"),
    ("is cached - skipping run", "Restored"),
    ("didn't change, skipping", "Unchanged"),
)
CHATTER = (  # how lines begin that `dvc repro` prints beside a stage's own
    "> python -P -m",
    "Updating lock file",
    "Generating lock file",
    "To track the changes",
    "To enable auto",
    "Use `dvc push`",
    "\tgit add",
    "\tdvc config",
)
ERROR = "ERROR: "
ENDED = "exited with "  # in `ERROR: failed to reproduce 'load': … exited with 2`
ALWAYS = "always changed"
COMMANDS = {"changed command": "its command changed"}
CHANGED_OUTPUTS = "changed outs"
STATES = {"deleted": "is missing", "new": "is new", "modified": "changed", "not in cache": "is not in DVC's cache"}
LAST_REASONS = 3  # shown in the error of what could not be pulled


class Gone(VersioningError):
    """DVC's remote answers, and does not have what was asked of it."""


@dataclass(frozen=True)
class File:
    """An output or a dependency of a stage.

    ``name``: as status names it; ``path``: in the project; ``recorded``: digest of its content when the stage last ran,
    None if it never did; ``cached``: where DVC's cache has that content, if it does.
    """

    name: str
    path: Path
    recorded: str | None
    cached: Path | None


@dataclass(frozen=True)
class Change:
    """A reason why DVC would run a stage; ``file``: the name of the file that it is about, if it is about one."""

    words: str
    file: str | None = None


@dataclass(frozen=True)
class StageState:
    """A stage of dvc.yaml and how it stands.

    ``root``: the project's folder, in which paths are; ``ran``: it has run, as far as dvc.lock knows.
    """

    name: str
    root: Path
    needs: frozenset[str]
    always: bool
    ran: bool
    outputs: tuple[File, ...]
    dependencies: tuple[File, ...]
    changes: tuple[Change, ...]


def read_states(root: Path) -> list[StageState]:
    """Read all stages in an order in which they can run.

    Raises:
        VersioningError: this is no DVC repository, dvc.yaml is wrong, or another DVC command is at work for long.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            graph, status = repo.index.graph, repo.status()
            return [
                _state(stage, graph.successors(stage), status.get(stage.addressing, []))
                for stage in networkx.topological_sort(graph.reverse())
                if _name(stage)
            ]
    except LockError as error:
        raise VersioningError(
            f"Expected to read the state of the stages. Received: {error}. Wait until the other DVC command has ended."
        ) from None
    except DvcException as error:
        raise VersioningError(
            f"Expected a DVC repository with a dvc.yaml that fits. Received: {error}. "
            f"Run slimline in the folder of your project."
        ) from None


def needed_stages(root: Path, last: str) -> list[str]:
    """List the stage ``last`` and all that it needs, in an order in which they can run.

    Raises:
        VersioningError: there is no such stage, or dvc.yaml is wrong.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            graph = repo.index.graph
            (end,) = (stage for stage in graph if _name(stage) == last)
            needed = networkx.descendants(graph, end) | {end}
            return [
                name for stage in networkx.topological_sort(graph.subgraph(needed).reverse()) if (name := _name(stage))
            ]
    except (DvcException, ValueError) as error:
        raise VersioningError(
            f"Expected the stage {last} in the dvc.yaml of {root}. Received: {error}. "
            f"The release was made with another dvc.yaml than its commit has."
        ) from None


def content_digest(content: bytes) -> str:
    """Return the digest by which DVC knows a content."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def locked_outputs(lock: str) -> dict[str, str]:
    """Read the digest of each output, by path.

    Args:
        lock: the content of a dvc.lock.

    Raises:
        VersioningError: it is not one.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        stages: dict[str, Any] = YAML(typ="safe").load(lock)["stages"]
        outputs = [out for stage in stages.values() for out in stage.get("outs", ())]
        return {str(out["path"]): str(out["md5"]) for out in outputs if "md5" in out}
    except (YAMLError, KeyError, TypeError, AttributeError) as error:
        raise VersioningError(
            f"Expected a dvc.lock with the outputs of the stages. Received: {error!r}. The release was not made by DVC."
        ) from None


def repro_command(stage: str, anew: bool = False) -> list[str]:
    """Return the command that brings one stage up to date; it waits for others to write their part of dvc.lock.

    Args:
        stage: its name.
        anew: run it whatever DVC remembers of earlier runs.
    """
    dvc = [sys.executable, "-P", "-m", "dvc"]
    if anew:
        return [*dvc, "repro", "--single-item", "--force", "--no-run-cache", stage]
    return [*dvc, "--wait-for-lock", "repro", "--single-item", stage]


def progress_of(line: str) -> Progress | None:
    """Tell what happened to a stage, if a line of `dvc repro` says so."""
    return next((progress for words, progress in PROGRESS if words in line), None)


def is_chatter(line: str) -> bool:
    """Tell whether DVC says a line of `dvc repro` about its own files, which nobody needs to read."""
    return line.startswith(CHATTER)


def exit_code(line: str) -> int | None:
    """Return the exit code of a stage's command, if a line of `dvc repro` has it."""
    words = line.rsplit(ENDED, 1)
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else None


def push(root: Path = Path()) -> int:
    """Copy the outputs of all stages to DVC's default remote.

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
            f"Expected DVC's remote to take data and models. Received: {error}. "
            f"See `dvc remote list`, or set versioning.push to false."
        ) from None


def pull(project: Path, stages: Collection[str]) -> None:
    """Get the outputs of stages from DVC's remote, as dvc.lock names them.

    Raises:
        Gone: the remote does not have them.
        VersioningError: the remote cannot be read.
    """
    # a stage's name alone would be looked for in the working directory
    targets = [f"{project.resolve() / 'dvc.yaml'}:{stage}" for stage in stages]
    _pull(project, targets, f"the outputs of {', '.join(stages)}")


def pull_file(project: Path, path: Path) -> None:
    """Get one output from DVC's remote, as dvc.lock names it; raises as :func:`pull` does."""
    _pull(project, [str(project.resolve() / path)], str(path))


def share_remotes(root: Path, clone: Path) -> None:
    """Let a clone read from the same remotes, local settings and credentials included.

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
            f"Expected {root.resolve()} and its clone to be DVC repositories. Received: {error}. "
            f"Run this in the folder of your project."
        ) from None


def _name(stage: Any) -> str:
    """The name in dvc.yaml; empty for what a ``.dvc`` file tracks, which DVC calls a stage too."""
    return str(getattr(stage, "name", None) or "")


def _state(stage: Any, needs: Iterator[Any], entries: list[Any]) -> StageState:
    recorded = [*stage.outs, *stage.deps]
    return StageState(
        name=_name(stage),
        root=Path(stage.repo.root_dir),
        needs=frozenset(filter(None, map(_name, needs))),
        always=bool(stage.always_changed),
        ran=not recorded or any(each.hash_info for each in recorded),
        outputs=tuple(map(_file, stage.outs)),
        dependencies=tuple(map(_file, stage.deps)),
        changes=tuple(change for entry in entries for change in _changes(stage, entry)),
    )


def _file(each: Any) -> File:
    path = Path(os.path.relpath(each.fs_path, each.repo.root_dir))
    digest = each.hash_info.value if each.hash_info and isinstance(each.hash_info.value, str) else None
    return File(str(each), path, digest, Path(each.repo.cache.local.oid_to_path(digest)) if digest else None)


def _changes(stage: Any, entry: Any) -> Iterator[Change]:
    """An entry of DVC's status, in words; that a stage always runs is no change."""
    if isinstance(entry, str):
        if entry != ALWAYS:
            yield Change(COMMANDS.get(entry, entry))
        return
    for what, files in entry.items():
        kind = "output " if what == CHANGED_OUTPUTS else ""
        for path, state in files.items():
            if isinstance(state, dict):
                parameters = [name for each in stage.deps if str(each) == path for name in _changed_parameters(each)]
                yield Change(f"params {', '.join(parameters or state)}")
            else:
                yield Change(f"{kind}{path} {STATES.get(state, state)}", path)


def _changed_parameters(each: Any) -> Iterator[str]:
    """The keys of params.yaml that have other values than when the stage last ran."""
    if not hasattr(each, "params"):
        return
    before, now = each.hash_info.value or {}, each.read_params()
    for name in each.params:
        yield from _differences(name, before.get(name), now.get(name))


def _differences(name: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            yield from _differences(f"{name}.{key}", before.get(key), now.get(key))
    elif before != now:
        yield name


def _pull(project: Path, targets: list[str], what: str) -> None:
    from dvc.exceptions import CheckoutError, DownloadError, DvcException
    from dvc.repo import Repo

    expected = f"Expected {what} in DVC's remote."
    with _warnings() as told:
        try:
            with Repo(str(project)) as repo:
                repo.pull(targets=targets, force=True)
        except (DvcException, OSError) as error:
            reasons = told[:LAST_REASONS] or [(" ".join(str(error).split()), None)]
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
            words = " ".join(record.getMessage().split())
            told.append((f"{words}: {cause}" if cause else words, cause))

    ear, logger = Ear(logging.WARNING), logging.getLogger("dvc_data")
    logger.addHandler(ear)
    try:
        yield told
    finally:
        logger.removeHandler(ear)
