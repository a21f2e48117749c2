"""Outputs that another clone has made: what dvc.lock names, and is not here, comes from DVC's remote."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tasks.errors import VersioningError
from tasks.versioning.changes import Foreseen
from tasks.versioning.dvc import StageState, content_digest, locked_outputs, pull, read_states, remote_urls

LOCK = Path("dvc.lock")


def restore(foresee: Callable[[], Mapping[Path, Foreseen]], root: Path = Path()) -> list[str]:
    """Get what is missing from DVC's remote, where the stages that made it would make the same again.

    Args:
        foresee: gives by path what stages that always run would write now; called where something is missing.
        root: the project's folder.

    Returns:
        sentences about what was restored, or why it was not: it is made anew then. None where nothing is missing.

    Raises:
        VersioningError: this is no DVC repository, dvc.yaml is wrong, or another DVC command is at work for long.
    """
    if not _lacks_outputs(root) or not remote_urls(root):
        return []
    if not (stages := restorable(read_states(root), foresee())):
        return []
    try:
        pull(root, stages)
    except VersioningError as error:
        return [f"{error} What is missing is made anew."]
    return [f"the outputs of {len(stages)} stages came from DVC's remote"]


def restorable(states: Sequence[StageState], foreseen: Mapping[Path, Foreseen]) -> list[str]:
    """List the stages whose outputs are neither here nor in DVC's cache, and would be the same if they were made anew.

    Args:
        states: of all stages, in an order in which they can run.
        foreseen: by path, what stages that always run would write now.

    Returns:
        their names, in the same order.
    """
    found, altered = [], set[str]()
    for state in states:
        known = {file.name: file for file in state.dependencies if file.path in foreseen}
        same = all(file.recorded == content_digest(foreseen[file.path].content) for file in known.values())
        only_missing = all(change.is_missing for change in state.changes if change.file not in known)
        if not (state.ran and same and only_missing) or state.needs & altered:
            altered.add(state.name)
        elif any(_is_nowhere(state.root / file.path, file.cached) for file in state.outputs):
            found.append(state.name)
    return found


def _is_nowhere(path: Path, cached: Path | None) -> bool:
    return not path.exists() and not (cached is not None and cached.exists())


def _lacks_outputs(root: Path) -> bool:
    """Tell whether an output that dvc.lock names is not in its place: cheap, for every run asks it."""
    try:
        outputs = locked_outputs((root / LOCK).read_text(encoding="utf-8"))
    except (FileNotFoundError, VersioningError):  # nothing was made yet, or DVC will say what is wrong
        return False
    return any(not (root / path).exists() for path in outputs)
