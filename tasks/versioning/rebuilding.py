"""A clean copy of the project as it was at a commit, in which stages are run again for real.

The copy has a cache of its own, which begins empty: nothing in it was made by an earlier run. What it does not make
itself comes from DVC's remote.
"""

import os
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tasks.errors import VersioningError
from tasks.files import write_bytes
from tasks.processes import THREADS, process_group
from tasks.versioning.dvc import needed_stages, repro_command, share_remotes
from tasks.versioning.environment import stage_environment
from tasks.versioning.git import git

LAST_LINES = 12  # of a stage that failed, shown in its error


def clone_at(commit: str, folder: Path, root: Path = Path()) -> Path:
    """Clone the repository of ``root`` into the empty ``folder`` and check ``commit`` out.

    The clone reads from the same DVC remotes as ``root``, local settings and credentials included.

    Args:
        commit: in the repository of ``root``.
        folder: an empty one.
        root: the project's folder.

    Returns:
        the project in the clone; ``root`` may be a folder inside its repository.

    Raises:
        VersioningError: the repository does not have the commit, or git or DVC cannot do it.
    """
    try:
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except VersioningError:
        raise VersioningError(
            f"Expected commit {commit} in the repository of {root.resolve()}. Received: it is not there. "
            f"Fetch the branch it is on (`git fetch --all --tags`), or run this in the repository of the release."
        ) from None
    prefix = git(root, "rev-parse", "--show-prefix")
    git(root, "clone", "--quiet", "--no-checkout", git(root, "rev-parse", "--show-toplevel"), str(folder.resolve()))
    git(folder, "-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit)
    project = folder / prefix
    share_remotes(root, project)
    return project


def carries_tool(project: Path) -> bool:
    """Return whether a clone has slimline's own code, as that of slimline's repository: then it runs that.

    Args:
        project: its folder in the clone.
    """
    return (project / "tasks" / "command.py").is_file()


def put_files(project: Path, files: Mapping[str, bytes]) -> None:
    """Let the clone have these contents in place of the commit's.

    Args:
        project: its folder in the clone.
        files: contents by their names, relative to the project.
    """
    for name, content in files.items():
        write_bytes(project / name, content)


def lend_source(project: Path, root: Path = Path()) -> None:
    """Let the clone see a source that lies in the project's folder and not in git, under the same name.

    A source that leaves the folder which holds
    the clone, as ``../../photos`` may, is not lent.

    Args:
        project: its folder in the clone.
        root: the project that has the source.
    """
    params = _params(project)
    source = str(params.get("data", {}).get("source", ""))
    path = Path(source).expanduser()
    if "://" in source or path.is_absolute() or not (root / path).exists():
        return
    top = Path(git(project, "rev-parse", "--show-toplevel")).parent
    link = Path(os.path.normpath(project.resolve() / path))
    if link.is_relative_to(top) and not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((root / path).resolve())


def _params(project: Path) -> dict[str, Any]:
    """params.yaml as it is: another commit's may not be what this one's code takes."""
    from ruamel.yaml import YAML

    params: dict[str, Any] = YAML(typ="safe").load((project / "params.yaml").read_text(encoding="utf-8"))
    return params


def time_decides(project: Path, recipe: str) -> bool:
    """Return whether a step of a recipe has a budget of measured latency, as params.yaml has them.

    Args:
        project: its folder, with a params.yaml.
        recipe: its name.
    """
    params = _params(project)
    steps = params.get("recipes", {}).get(recipe) or ()
    budgets = [step.get("budget") for step in steps]
    return any(isinstance(budget, dict) and budget.get("metric") == "latency" for budget in budgets)


def stages_to_run(project: Path, last: str, ready: Collection[str]) -> list[str]:
    """List the stage ``last`` and all that it needs, in an order in which they can run, without those that are ready.

    Args:
        project: its folder.
        last: the stage that is wanted.
        ready: names of stages whose outputs are there.

    Returns:
        their names.

    Raises:
        VersioningError: there is no such stage, or dvc.yaml is wrong.
    """
    return [name for name in needed_stages(project, last) if name not in ready]


def run_again(project: Path, stage: str, say: Callable[[str], None], threads: int | None = None) -> None:
    """Run a stage in the clone, whatever DVC remembers of earlier runs.

    Args:
        project: its folder in the clone.
        stage: its name.
        say: gets the stage's lines as they come.
        threads: for TensorFlow, whose last bits depend on their number; as many as there are processors by default.

    Raises:
        VersioningError: the stage ended with an error.
    """
    command = repro_command(stage, anew=True)
    last: deque[str] = deque(maxlen=LAST_LINES)
    told = {THREADS: str(threads)} if threads else {}
    code = {"PYTHONPATH": str(project.resolve())} if carries_tool(project) else {}
    environment = stage_environment({"DVC_NO_ANALYTICS": "1", **code, **told})
    with process_group(command, environment, project) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            if line := raw.rstrip():
                last.append(line)
                say(line)
    if process.returncode:
        said = "\n".join(last)
        raise VersioningError(
            f"Expected stage {stage} to run in {project}. Received: it ended with {process.returncode}:\n{said}"
        )
