"""The params.yaml that a new project begins with: that of the template, fitted to the project's workload."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from tasks.config import load_params
from tasks.files import write_text
from tasks.settings import Settings
from tasks.versioning.params_file import read_values, set_params
from tasks.workloads import find_workload, learning_of, measuring_for, settings_for

NETWORK = "mymodel:small"  # of the template
FOLDER = "samples"  # of a project's data, unless the workload comes with some
OF_WORKLOAD = {"augmentation", "distillation"}  # settings of a recipe's step that fit the template's workload alone
COLUMN, WIDTH = 30, 120  # where comments behind a value begin, and where lines end
RULE = re.compile(r"  #   \{metric: (\w+)(?:, (per_class))?")  # an example of a rule
TEACHER = re.compile(r"(#   \w+: \{model: )\w+(.*?)(?:, augmentation: \{.*?\})?\}")  # an example of a teacher
PART = re.compile(r"\w+:")  # of the file


def fit_params(params: Path, model: str, workload: str) -> list[str]:
    """Let the template's params.yaml say what a project is about.

    Samples of another workload than the template's get their own settings and first network, and of the recipes those
    that neither change samples nor learn from a teacher's network. Then the workload has its say.

    Args:
        params: the project's params.yaml, as the template has it.
        model: the name under which the project releases.
        workload: the kind of its samples.

    Returns:
        what is left to say for the user.

    Raises:
        ConfigError: there is no such workload, or it is not what a workload is.
    """
    changes, notes = [f"deployment.model={model}", f"data.workload={workload}"], []
    values, found, template = read_values(params), find_workload(workload), params.read_text(encoding="utf-8")
    before = find_workload(values["data"]["workload"])
    if found.name != before.name:
        networks = list(learning_of(workload).networks())
        changes += _without(before.name, values)
        changes += [
            f"data.{found.name}={json.dumps(found.settings().model_dump(mode='json'))}",
            f"data.source={FOLDER}",
        ]
        changes += [f"training.model={networks[0] if networks else NETWORK}"]
        if not networks:
            notes.append(
                f"Write the network that training.model names: {NETWORK}; the one in mymodel.py is for {before.things}."
            )
        if settings_for(workload) is not settings_for(before.name):
            changes.append("outcome={}")
        metrics = [metric.name for metric in measuring_for(workload).metrics]
        if values["gate"]["rules"][0]["metric"] not in metrics:
            changes.append("~gate.rules.0")
            if not any(change.startswith("gate.rules") for change in found.first_params):
                notes.append(
                    f"Say in gate.rules how much worse a candidate may be, as {{metric: {metrics[0]}, margin: …}}."
                )
    set_params([*changes, *found.first_params], params)
    if found.name != before.name:
        write_text(params, commented(params.read_text(encoding="utf-8"), workload, template))
    if load_params(params).data.source == FOLDER:
        notes.insert(0, f"Name your data in data.source of params.yaml, or put them into the folder {FOLDER}.")
    return notes


def example_of(workload: str) -> str | None:
    """Return the example of a network of one's own for a workload: ``mymodel.txt`` in its folder, where there is one.

    Args:
        workload: the kind of the project's samples.

    Raises:
        ConfigError: there is no such workload, or it is not what a workload is.
    """
    package = type(find_workload(workload)).__module__.rpartition(".")[0]
    example = files(package) / "mymodel.txt" if package else None
    return example.read_text(encoding="utf-8") if example is not None and example.is_file() else None


def _without(workload: str, values: Mapping[str, Any]) -> list[str]:
    """Return the changes that take out what params.yaml says for a workload alone."""
    recipes = [name for name, steps in values["recipes"].items() if any(OF_WORKLOAD & set(step) for step in steps)]
    return [f"~data.{workload}", "~training.augmentation", "teachers={}", *(f"~recipes.{name}" for name in recipes)]


def commented(text: str, workload: str, template: str) -> str:
    """Return a params.yaml whose comments are about a workload, where they were about the template's.

    The workload's settings come behind its name, each with its description; the comments name its networks, and of the
    examples of rules those stay that its outcome has.

    Args:
        text: of a params.yaml that was fitted to the workload.
        workload: as ``data.workload`` names it.
        template: what it was before.
    """
    found, measuring = find_workload(workload), measuring_for(workload)
    networks = [*learning_of(workload).networks()]
    known = {metric.name for metric in measuring.metrics} | set(measuring.rules)
    lines, block = _cut(text.splitlines(), found.name)
    made: list[str] = []
    for line in lines:
        rule = RULE.match(line)
        if line.startswith("  model:") and made[-1] == "training:":
            said = " · ".join([*networks, "your_package.your_module:function"])
            made += _explained(line.partition("#")[0], said, "  ")
        elif not rule or known.issuperset(filter(None, rule.groups())):
            made.append("outcome: {}" if line.startswith("outcome: {}") else line)  # nothing there is to be set
        if line.startswith("  workload:"):
            made += _described(block, found.settings)
    whole = "\n".join(_parted(made, _headings(template.splitlines()))) + "\n"
    return TEACHER.sub(rf"\g<1>{(networks or [NETWORK])[0]}\g<2>}}", whole)


def _cut(lines: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """Take the part of a workload out of the lines of a params.yaml; gives the others, and the part."""
    start = lines.index(f"  {name}:") if f"  {name}:" in lines else lines.index(f"  {name}: {{}}")
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith("    ")), len(lines))
    before = start - 1 if not lines[start - 1] else start
    return [*lines[:before], *lines[end:]], list(lines[start:end])


def _described(block: Sequence[str], settings: type[Settings]) -> Iterator[str]:
    """Give each setting its description as a comment."""
    about = {name: field.description for name, field in settings.model_fields.items()}
    for line in block:
        key = re.match(r"    (\w+):", line)
        yield from _explained(line, (about.get(key[1]) if key else None) or "", "    ")


def _explained(line: str, comment: str, indent: str) -> Iterator[str]:
    """Put a comment behind a line, or above it where it is long."""
    behind = f"{line.rstrip():{COLUMN - 1}} # {comment}" if comment else line
    if len(behind) > WIDTH:
        yield from textwrap.wrap(comment, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    yield behind if len(behind) <= WIDTH else line.rstrip()


def _headings(template: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return the comments above each part of the template, by the part's name."""
    found, above = {}, list[str]()
    for line in template:
        if PART.match(line):
            found[line.partition(":")[0]] = above
        above = [*above, line] if line.startswith("#") else []
    return found


def _parted(lines: Sequence[str], headings: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Put an empty line, and what is said of it, before each part of the file."""
    above = False  # whether a comment stands there
    for before, line in pairwise(["", *lines]):
        begins = PART.match(line) or (line.startswith("#") and not above)
        if begins and before and not above:
            yield ""
        if PART.match(line) and not above:
            yield from headings.get(line.partition(":")[0], ())
        above = line.startswith("#")
        yield line
