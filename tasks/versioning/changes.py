"""Reasons why a stage is stale by itself, in a few words each: what DVC says, and what is known better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.versioning.dvc import File, StageState, content_digest

NEVER = "never ran"
LOOKS = "what it looks at changed"


@dataclass(frozen=True)
class Foreseen:
    """Content that a stage that always runs would write to a file now.

    ``explain`` tells in a few words each how this differs from what a stage read when it last ran; it is given None
    where that is not known any more.
    """

    content: bytes
    explain: Callable[[bytes | None], list[str]]


def changes_of(stage: StageState, known: Mapping[Path, Foreseen]) -> list[str]:
    """List why a stage is stale by itself; empty where it is not.

    Args:
        stage: as DVC sees it.
        known: what stages that always run would write now, by path.

    Returns:
        a few words for each reason, as ``tasks/training is new``.
    """
    if not stage.ran:
        return [NEVER]
    foreseen = {file.name: (file, now) for file in stage.dependencies if (now := known.get(file.path))}
    found = []
    for file, now in foreseen.values():
        if file.recorded is None:
            found.append(f"{file.name} is new")
        elif file.recorded != content_digest(now.content):
            found += now.explain(_read_before(file))
    return found + [change.words for change in stage.changes if change.file not in foreseen]


def looked_at(stage: StageState, known: Mapping[Path, Foreseen]) -> list[str] | None:
    """Tell whether a stage that always runs would write something else than there is; None if that is not known.

    Args:
        stage: as DVC sees it.
        known: what stages that always run would write now, by path.

    Returns:
        no words where it would write the same; one sentence where it would not.
    """
    outputs = [file.path for file in stage.outputs]
    files = {path: now for path, now in known.items() if any(out in (path, *path.parents) for out in outputs)}
    if not files:
        return None
    same = all(_content(stage.root / path) == now.content for path, now in files.items())
    return [] if same else [LOOKS]


def _read_before(file: File) -> bytes | None:
    """Read a dependency as it was when the stage last ran: DVC's cache has it as an output of another stage."""
    return None if file.cached is None else _content(file.cached)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
