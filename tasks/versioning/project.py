"""A project of one's own: the files that it begins with, and their renewal when slimline was upgraded.

The files are those of slimline's own repository, which is such a project itself; `template/` links to them.
"""

import contextlib
import difflib
import re
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from tasks.config import BUILT_IN, DEFAULT_WORKLOAD, NAME, check_name, load_params
from tasks.errors import ConfigError, VersioningError
from tasks.files import write_text
from tasks.versioning.first_params import example_of, fit_params
from tasks.versioning.git import git
from tasks.workloads import find_workload

TEMPLATE = files(__name__.rpartition(".")[0]) / "template"
STAGES, PARAMS, PREFECT, EXAMPLE = "dvc.yaml", "params.yaml", "prefect.yaml", "mymodel.py"
FILES = {  # of a new project, and what each is called in the template
    PARAMS: "params_template.yaml",
    STAGES: "stages.yaml",
    PREFECT: "prefect_template.yaml",
    EXAMPLE: "mymodel.txt",
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    ".dvc/config": "dvc_config",
    ".dvc/.gitignore": "dvc_gitignore",
}
ENTRYPOINT = re.compile(r"(?m)^(\s*entrypoint: )flows/[\w/]+\.py:(\w+)")  # a file in a copy of the tool
NIGHTLY = re.compile(r"- name: nightly(\n.*\n *entrypoint: \S+retrain_flow\n)")  # what `retrain` was called


@dataclass(frozen=True)
class Made:
    """A project that was begun: its files, what is to be said about it, and the built-in source that it begins with."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    built_in: str | None


def create(folder: Path, model: str, workload: str = DEFAULT_WORKLOAD) -> Made:
    """Begin a project in a folder, in git and with DVC.

    Args:
        folder: a new one, or one in which none of the files is yet; data may lie in it.
        model: the name under which the project releases.
        workload: the kind of its samples.

    Returns:
        the files that were made, and what is to be said of them.

    Raises:
        ConfigError: the name or the workload is none, or a file is there already.
        VersioningError: git cannot do it.
    """
    check_name("a model", model)
    if model in BUILT_IN:
        raise ConfigError(
            f"Expected a name of your own for the model: {model} is a built-in data set's. Received: {model}. "
            f"Give --model NAME."
        )
    if there := sorted(name for name in FILES if (folder / name).exists()):
        raise ConfigError(
            f"Expected a folder without a project in it. Received: {folder}, which has {', '.join(there)}. "
            f"Name another folder, or renew what is there with `slimline new {folder} --update`."
        )
    example = example_of(workload)
    for name, source in FILES.items():
        write_text(folder / name, (TEMPLATE / source).read_text(encoding="utf-8"))
    if example is not None:
        write_text(folder / EXAMPLE, example)
    try:
        notes = fit_params(folder / PARAMS, model, workload)
    except ConfigError:
        for name in FILES:
            (folder / name).unlink()
        with contextlib.suppress(OSError):
            (folder / ".dvc").rmdir()  # nothing but its files was in it
        raise
    (folder / ".slimline").mkdir(exist_ok=True)  # for what is not kept, as the schema of settings for an editor
    data = load_params(folder / PARAMS).data
    write_text(folder / STAGES, _graph(data.workload))
    built_in = data.source if data.source in BUILT_IN else None
    return Made(tuple(map(Path, FILES)), (*notes, *_put_under_git(folder)), built_in)


def name_for(folder: Path) -> str | None:
    """Return the folder's name where a model may have it.

    Args:
        folder: of the project; it need not be there.
    """
    name = folder.absolute().name.lower()
    return name if re.fullmatch(NAME, name) and name not in BUILT_IN else None


def _put_under_git(folder: Path) -> list[str]:
    """Make a repository with a first commit, unless the folder lies in one."""
    try:
        git(folder, "rev-parse", "--show-toplevel")
    except VersioningError:
        git(folder, "init", "--quiet")
    else:
        return ["It lies in a git repository: commit the new files there, so that releases can be made again."]
    git(folder, "add", "--", *FILES)
    try:
        git(folder, "commit", "--quiet", "--message", "Begin a slimline project")
    except VersioningError:
        return ["git does not know who you are: set user.name and user.email, and commit the files."]
    return []


def update(folder: Path) -> str:
    """Renew what belongs to slimline in a project: the stages of dvc.yaml, and Prefect's deployments of its flows.

    Stages of the user's own stay, and so do names and schedules of deployments; a flow without one gets it.

    Args:
        folder: the project.

    Returns:
        what changed, as a unified diff; empty where nothing did.

    Raises:
        ConfigError: there is no dvc.yaml and params.yaml, or dvc.yaml is no YAML.
    """
    if missing := [name for name in (PARAMS, STAGES) if not (folder / name).exists()]:
        raise ConfigError(
            f"Expected a project in {folder}. Received: no {missing[0]}. Begin one with `slimline new DIR`."
        )
    renewed = {STAGES: _stages(folder / STAGES)}
    if (prefect := folder / PREFECT).exists():
        renewed[PREFECT] = _deployments(_entrypoints(prefect.read_text(encoding="utf-8")))
    changes: list[str] = []
    for name, after in renewed.items():
        before = (folder / name).read_text(encoding="utf-8")
        changes += difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}")
        if after != before:
            write_text(folder / name, after)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in changes)


def _stages(path: Path) -> str:
    """The stages of this version, those that a user has added, and the names of released models."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    template = _graph(load_params(path.with_name(PARAMS)).data.workload)
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        graph, before = yaml.load(template), yaml.load(path.read_text(encoding="utf-8")) or {}
        own = {name: stage for name, stage in before.get("stages", {}).items() if _is_own(name, stage, graph)}
        released = before.get("artifacts")
    except (YAMLError, UnicodeDecodeError, AttributeError) as error:
        raise ConfigError(f"Expected {path} to be a dvc.yaml. Received: {error}") from None
    if not own and released is None:
        return template
    graph["stages"].update(own)
    if released is not None:
        graph["artifacts"] = released
    text = StringIO()
    yaml.dump(graph, text)
    return text.getvalue()


def _graph(workload: str) -> str:
    """Return the stages, of which `load` depends on the settings of this workload."""
    template = (TEMPLATE / FILES[STAGES]).read_text(encoding="utf-8")
    return template.replace(f"data.{DEFAULT_WORKLOAD},", f"data.{find_workload(workload).name},")


def _is_own(name: str, stage: Any, graph: Any) -> bool:
    command = str(stage.get("do", stage).get("cmd", ""))
    return name not in graph["stages"] and "-m tasks." not in command


def _entrypoints(text: str) -> str:
    """Name flows by their modules, where an earlier version named files of a copy of the tool."""
    template = (TEMPLATE / FILES[PREFECT]).read_text(encoding="utf-8")
    homes = {path.rpartition(".")[2]: path for path in re.findall(r"entrypoint: (\S+)", template)}

    def renew(found: re.Match[str]) -> str:
        return f"{found[1]}{homes.get(found[2], found[0].partition(': ')[2])}"

    return ENTRYPOINT.sub(renew, NIGHTLY.sub(r"- name: retrain\1", text))


def _deployments(text: str) -> str:
    """Add the deployments of flows that a project has none of: those of a later version than its own."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    template = YAML(typ="safe").load((TEMPLATE / FILES[PREFECT]).read_text(encoding="utf-8"))
    try:
        project = yaml.load(text)
        there = {each["entrypoint"] for each in project["deployments"]}
    except (YAMLError, KeyError, TypeError):  # Prefect says what is wrong with it
        return text
    missing = [each for each in template["deployments"] if each["entrypoint"] not in there]
    if not missing:
        return text
    project["deployments"].extend(missing)
    written = StringIO()
    yaml.dump(project, written)
    return written.getvalue()
