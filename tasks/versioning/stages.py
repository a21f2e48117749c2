"""The stage graph of dvc.yaml and which stages have nothing to do, asked once and in process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import VersioningError

ALWAYS = "always changed"


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml.

    ``needs``: stages whose outputs it reads. ``changed``: what makes it stale by itself, in DVC's words; empty when
    its outputs are those of its inputs. ``always``: DVC runs it each time, since it looks at the world outside.
    """

    name: str
    needs: frozenset[str]
    changed: tuple[str, ...]
    always: bool


def read_stages(root: Path = Path()) -> dict[str, Stage]:
    """All stages in an order in which they can run.

    Raises:
        VersioningError: this is no DVC repository, dvc.yaml is wrong, or another DVC command is at work for long.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            graph = repo.index.graph
            status = repo.status()
            order = networkx.topological_sort(graph.reverse())
            stages = [_describe(stage, graph, status.get(stage.addressing, [])) for stage in order if name_of(stage)]
            return {stage.name: stage for stage in stages}
    except LockError as error:
        raise VersioningError(
            f"Expected to read the state of the stages. Received: {error}. Wait until the other DVC command has ended."
        ) from None
    except DvcException as error:
        raise VersioningError(
            f"Expected a DVC repository with a dvc.yaml that fits. Received: {error}. "
            f"Run slimline in the folder of your project."
        ) from None


def name_of(stage: Any) -> str:
    """A stage's name in dvc.yaml; empty for what a ``.dvc`` file tracks, which DVC calls a stage too."""
    return str(getattr(stage, "name", None) or "")


def _describe(stage: Any, graph: Any, entries: list[Any]) -> Stage:
    changed = tuple(str(entry) for entry in entries if entry != ALWAYS)
    needs = frozenset(filter(None, map(name_of, graph.successors(stage))))
    return Stage(stage.name, needs, changed, always=bool(stage.always_changed))


def stale_stages(stages: dict[str, Stage], looked_outside: dict[str, bool]) -> frozenset[str]:
    """Stages that may have something to do: stale by themselves, or reading from one that is.

    Args:
        stages: all of them, in order.
        looked_outside: for a stage that always runs, whether what it looks at has changed; one that is not named
            counts as changed.
    """
    stale: set[str] = set()
    for name, stage in stages.items():
        outside = stage.always and looked_outside.get(name, True)
        if stage.changed or outside or stage.needs & stale:
            stale.add(name)
    return frozenset(stale)
