"""What makes a stage stale by itself, in a few words each, from what DVC says and what is known better."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NEVER = "never ran"
LOOKS = "what it looks at changed"
ALWAYS = "always changed"
COMMANDS = {"changed command": "its command changed"}
WORDS = {"deleted": "is missing", "new": "is new", "modified": "changed", "not in cache": "is not in DVC's cache"}


@dataclass(frozen=True)
class Foreseen:
    """What a stage that always runs would write to a file now.

    ``explain`` tells in a few words each how this differs from what a stage read when it last ran; it is given None
    where that is not known any more.
    """

    content: bytes
    explain: Callable[[bytes | None], list[str]]


def name_of(stage: Any) -> str:
    """A stage's name in dvc.yaml; empty for what a ``.dvc`` file tracks, which DVC calls a stage too."""
    return str(getattr(stage, "name", None) or "")


def changes_of(stage: Any, entries: list[Any], known: Mapping[Path, Foreseen]) -> list[str]:
    """Why a stage is stale by itself; empty where it is not.

    Args:
        stage: DVC's.
        entries: what DVC's status says of it.
        known: what stages that always run would write now, by path.
    """
    recorded = [*stage.outs, *stage.deps]
    if recorded and not any(each.hash_info for each in recorded):
        return [NEVER]
    foreseen = {str(each): now for each in stage.deps if (now := known.get(_path(each)))}
    found = []
    for each in stage.deps:
        if (now := foreseen.get(str(each))) and each.hash_info.value != _md5(now.content):
            found += now.explain(_read_before(each)) if each.hash_info else [f"{each} is new"]
    for entry in entries:
        found += _said(stage, entry, foreseen)
    return found


def _said(stage: Any, entry: Any, foreseen: Collection[str]) -> Iterator[str]:
    """An entry of DVC's status in other words; each gives some, unless it is about a file that is foreseen."""
    if isinstance(entry, str):
        yield from () if entry == ALWAYS else [COMMANDS.get(entry, entry)]
        return
    for what, files in entry.items():
        kind = "output " if what == "changed outs" else ""
        for path, state in files.items():
            if isinstance(state, dict):
                parameters = [name for each in stage.deps if str(each) == path for name in _changed_parameters(each)]
                yield f"params {', '.join(parameters or state)}"
            elif path not in foreseen:
                yield f"{kind}{path} {WORDS.get(state, state)}"


def looked_at(stage: Any, known: Mapping[Path, Foreseen]) -> list[str] | None:
    """Whether a stage that always runs would write something else than there is; None if that is not known."""
    outs = [_path(out) for out in stage.outs]
    files = {path: now for path, now in known.items() if any(out in (path, *path.parents) for out in outs)}
    if not files:
        return None
    root = Path(stage.repo.root_dir)
    same = all(_content(root / path) == now.content for path, now in files.items())
    return [] if same else [LOOKS]


def _path(each: Any) -> Path:
    """The path of an output or a dependency in the project."""
    return Path(os.path.relpath(each.fs_path, each.repo.root_dir))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _md5(content: bytes) -> str:
    """As DVC names contents."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _read_before(each: Any) -> bytes | None:
    """What a dependency held when the stage last ran: DVC's cache has it as an output of another stage."""
    return _content(Path(each.repo.cache.local.oid_to_path(each.hash_info.value)))


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
