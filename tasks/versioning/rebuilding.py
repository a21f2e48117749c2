"""A clean copy of the project as it was at a commit, in which stages are run again for real.

The copy has a cache of its own, which begins empty: nothing in it was made by an earlier run. What it does not make
itself comes from DVC's remote.
"""

import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.errors import VersioningError
from tasks.files import write_bytes
from tasks.processes import THREADS, process_group
from tasks.versioning.changes import name_of
from tasks.versioning.environment import stage_environment
from tasks.versioning.history import git

LAST_LINES = 12  # of a stage that failed, shown in its error
LAST_REASONS = 3  # of DVC, shown in the error of what could not be pulled


class Gone(VersioningError):
    """DVC's remote answers, and does not have what was asked of it."""


def clone_at(commit: str, folder: Path, root: Path = Path()) -> Path:
    """Clone the repository of ``root`` into the empty ``folder`` and check ``commit`` out.

    The clone reads from the same DVC remotes as ``root``, local settings and credentials included.

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
    _share_remotes(root, project)
    return project


def _share_remotes(root: Path, project: Path) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            core = {"remote": repo.config["core"]["remote"]} if "remote" in repo.config["core"] else {}
            remotes = {name: dict(config) for name, config in repo.config["remote"].items()}
        (project / ".dvc" / "config.local").touch(mode=0o600)  # it may get credentials
        with Repo(str(project)) as clone, clone.config.edit("local") as local:
            local["core"] = core
            local["remote"] = remotes
    except DvcException as error:
        raise VersioningError(
            f"Expected {root.resolve()} and its clone to be DVC repositories. Received: {error}. "
            f"Run this in the folder of your project."
        ) from None


def carries_tool(project: Path) -> bool:
    """Whether a clone has slimline's own code, as that of slimline's repository: then it runs that."""
    return (project / "tasks" / "command.py").is_file()


def put_files(project: Path, files: Mapping[str, bytes]) -> None:
    """Let the clone have these contents in place of the commit's."""
    for name, content in files.items():
        write_bytes(project / name, content)


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


def _pull(project: Path, targets: list[str], what: str) -> None:
    from dvc.exceptions import CheckoutError, DownloadError, DvcException
    from dvc.repo import Repo

    expected = f"Expected {what} in DVC's remote."
    with _told() as told:
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
def _told() -> Iterator[list[tuple[str, BaseException | None]]]:
    """What DVC warns of in this block, and the exception behind it: its own exceptions only count files."""
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


def lend_source(project: Path, root: Path = Path()) -> None:
    """Let the clone see a source that lies in the folder of the project and not in git, under the same name.

    A source that leaves the folder which holds
    the clone, as ``../../photos`` may, is not lent.
    """
    params = _params(project)
    source = str(params.get("data", {}).get("source", ""))
    path = Path(source).expanduser()
    if "://" in source or path.is_absolute() or not (root / path).exists():
        return
    top = Path(git(project, "rev-parse", "--show-toplevel")).parent
    place = Path(os.path.normpath(project.resolve() / path))
    if place.is_relative_to(top) and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((root / path).resolve())


def _params(project: Path) -> dict[str, Any]:
    """params.yaml as it is: another commit's may not be what this one's code takes."""
    from ruamel.yaml import YAML

    params: dict[str, Any] = YAML(typ="safe").load((project / "params.yaml").read_text(encoding="utf-8"))
    return params


def time_decides(project: Path, recipe: str) -> bool:
    """Does a step of a recipe have a budget of measured latency, as params.yaml has them?"""
    params = _params(project)
    steps = params.get("recipes", {}).get(recipe) or ()
    budgets = [step.get("budget") for step in steps]
    return any(isinstance(budget, dict) and budget.get("metric") == "latency" for budget in budgets)


def stages_to_run(project: Path, last: str, ready: Collection[str]) -> list[str]:
    """The stage ``last`` and all that it needs, in an order in which they can run, without those that are ready.

    Raises:
        VersioningError: there is no such stage, or dvc.yaml is wrong.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(project)) as repo:
            graph = repo.index.graph
            (end,) = (stage for stage in graph if name_of(stage) == last)
            needed = networkx.descendants(graph, end) | {end}
            order = networkx.topological_sort(graph.subgraph(needed).reverse())
            return [name_of(stage) for stage in order if name_of(stage) and name_of(stage) not in ready]
    except (DvcException, ValueError) as error:
        raise VersioningError(
            f"Expected the stage {last} in the dvc.yaml of {project}. Received: {error}. "
            f"The release was made with another dvc.yaml than its commit has."
        ) from None


def run_again(project: Path, stage: str, say: Callable[[str], None], threads: int | None = None) -> None:
    """Run a stage in the clone, whatever DVC remembers of earlier runs.

    Args:
        say: gets the stage's lines as they come.
        threads: for TensorFlow, whose last bits depend on their number; as many as there are processors by default.

    Raises:
        VersioningError: the stage ended with an error.
    """
    command = [sys.executable, "-P", "-m", "dvc", "repro", "--single-item", "--force", "--no-run-cache", stage]
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


def locked_outputs(lock: str) -> dict[str, str]:
    """The MD5 that DVC keeps of each output, by path.

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
