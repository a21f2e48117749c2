"""The stages of dvc.yaml and which of them have nothing to do, asked once and in process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.versioning.changes import Foreseen, changes_of, looked_at
from tasks.versioning.dvc import read_states


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml.

    ``needs``: stages whose outputs it reads. ``changed``: what makes it stale by itself, in a few words each; empty
    when its outputs are those of its inputs. ``always``: DVC runs it each time, since it looks at the world outside.
    ``foreseen``: it is known what it would write, and so which of the stages that read from it are stale.
    """

    name: str
    needs: frozenset[str]
    changed: tuple[str, ...]
    always: bool
    foreseen: bool = False


def read_stages(root: Path = Path(), foreseen: Mapping[Path, Foreseen] | None = None) -> dict[str, Stage]:
    """Return all stages in an order in which they can run.

    Args:
        root: the project's folder.
        foreseen: by path, what stages that always run would write now. `dvc repro` runs them first and then decides
            by what they wrote; so a stage that reads such a file is stale if the file will be another than the one
            that it read last, whatever is in it at the moment.

    Raises:
        VersioningError: this is no DVC repository, dvc.yaml is wrong, or another DVC command is at work for long.
    """
    known = foreseen or {}
    stages: dict[str, Stage] = {}
    for state in read_states(root):
        looks = looked_at(state, known) if state.always else None
        changed = tuple(changes_of(state, known) or looks or ())
        stages[state.name] = Stage(state.name, state.needs, changed, state.always, looks is not None)
    return stages


def stale_stages(stages: Mapping[str, Stage], looked_outside: Mapping[str, bool]) -> frozenset[str]:
    """Return the stages that may have something to do: stale by themselves, or reading from one that is.

    Args:
        stages: all of them, in order.
        looked_outside: for a stage that always runs and is not foreseen, whether what it looks at has changed; one
            that is not named counts as changed.
    """
    stale: set[str] = set()
    for name, stage in stages.items():
        outside = stage.always and not stage.foreseen and looked_outside.get(name, True)
        if stage.changed or outside or reads_stale(stage, stages, stale):
            stale.add(name)
    return frozenset(stale)


def with_needs(stages: Mapping[str, Stage], names: Iterable[str]) -> dict[str, Stage]:
    """Return some stages and all that they need, in the order in which they can run.

    Args:
        stages: all of them, in order.
        names: of those that are wanted.
    """
    waiting, wanted = list(names), set[str]()
    while waiting:
        if (name := waiting.pop()) not in wanted:
            wanted.add(name)
            waiting.extend(stages[name].needs)
    return {name: stage for name, stage in stages.items() if name in wanted}


def reads_stale(stage: Stage, stages: Mapping[str, Stage], stale: frozenset[str] | set[str]) -> list[str]:
    """Return the stale stages whose outputs a stage reads, and of which it is not known what they will write.

    Args:
        stage: the one that reads.
        stages: all of them, by name.
        stale: the names of those that are stale.
    """
    return sorted(need for need in stage.needs if need in stale and not stages[need].foreseen)
