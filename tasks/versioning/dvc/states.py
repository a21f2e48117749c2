"""The stages of dvc.yaml as DVC finds them: what they need, what they have, and what has changed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import VersioningError
from tasks.text import one_line

ALWAYS = "always changed"
COMMANDS = {"changed command": "its command changed"}
CHANGED_OUTPUTS = "changed outs"
STATES = {"deleted": "is missing", "new": "is new", "modified": "changed", "not in cache": "is not in DVC's cache"}
MISSING = ("deleted", "not in cache")


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
    """A reason why DVC would run a stage.

    ``file``: the name of the file that it is about, if it is about one; ``is_missing``: that file is not here.
    """

    words: str
    file: str | None = None
    is_missing: bool = False


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

    Args:
        root: the project's folder.

    Returns:
        a state for each stage that has a name.

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
            f"Expected to read the state of the stages. Received: {one_line(error)}. "
            f"Wait until the other DVC command has ended."
        ) from None
    except DvcException as error:
        raise VersioningError(
            f"Expected a DVC repository with a dvc.yaml that fits. Received: {one_line(error)}. "
            f"Run slimline in the folder of your project."
        ) from None


def needed_stages(root: Path, last: str) -> list[str]:
    """List the stage ``last`` and all that it needs, in an order in which they can run.

    Args:
        root: the project's folder.
        last: the stage that is wanted.

    Returns:
        their names, ``last`` at the end.

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
            f"Expected the stage {last} in the dvc.yaml of {root}. Received: {one_line(error)}. "
            f"The release was made with another dvc.yaml than its commit has."
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
                yield Change(f"{kind}{path} {STATES.get(state, state)}", path, state in MISSING)


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
