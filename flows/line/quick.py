"""A smoke run: all stages up to the candidates' quality with few samples and epochs, in a folder of its own.

It shows within minutes that data, network and recipes go together. Nothing of the project's own results changes, the
test split is not looked at and nothing is chosen or released.
"""

import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.environment import STATE, WORKSPACE
from flows.line.workspace import exclusive_run
from tasks.command import MODULES
from tasks.compression.recipe import parse_recipe
from tasks.config import BUILT_IN, DEFAULT_WORKLOAD, PARAMS
from tasks.data_loading.thinning import thin
from tasks.errors import SlimlineError
from tasks.files import write_text
from tasks.processes import process_group
from tasks.quiet import NATIVE
from tasks.samples import PREPARED, Dataset, SplitName, read_dataset
from tasks.versioning.environment import stage_environment

FOLDER = STATE / "quick"
MOST, LEAST_SAMPLES = 1000, 64  # training samples that are kept
VALUES = 1000 * 32 * 32 * 3  # numbers in them, where they are many: the time of a training goes with these
LEAST = {"epochs": 1, "rounds": 1, "calibration": 100, "samples": 128, "members": 1}  # numbers that settings are cut to


class QuickRunFailed(SlimlineError):
    """A stage of a quick run ended with an error."""


def quick_run(values: Mapping[str, Any], names: Sequence[str], say: Callable[[str, str], None]) -> Path:
    """Make and judge candidates with few samples and epochs.

    Args:
        values: of params.yaml.
        names: of the recipes.
        say: gets a stage and a line.

    Returns:
        the folder that holds the results, as a project does.

    Raises:
        QuickRunFailed: a stage ended with an error.
    """
    with exclusive_run():
        shutil.rmtree(FOLDER, ignore_errors=True)
        write_text(FOLDER / PARAMS, json.dumps(quick_params(values, names)))
        for stage in ("fingerprint", "load"):
            _run("data_loading", stage, (), say)
        thin(FOLDER / PREPARED, quick_samples(read_dataset(FOLDER / PREPARED)))
        for stage in ("train", "teach"):
            _run("training", stage, (), say)
        for name in names:
            _run("compression", "compress", (name,), say)
        _run("evaluation", "evaluate", ("baseline", "models/baseline.tflite"), say)
        for name in names:
            _run("evaluation", "evaluate", (name, f"models/candidates/{name}/model.tflite"), say)
    return FOLDER


def quick_params(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return params.yaml with every number of epochs, rounds and samples cut to the least that works.

    Args:
        values: of params.yaml.
        names: of the recipes that stay, and with them the teachers that they learn from.
    """
    recipes, teachers = {name: values["recipes"][name] for name in names}, values.get("teachers", {})
    workload = values["data"].get("workload", DEFAULT_WORKLOAD)
    teaching = {
        teacher
        for name, steps in recipes.items()
        for step in parse_recipe(name, steps, teachers, workload)
        for teacher in step.teachers()
    }
    made = {
        **values,
        "training": _cut(values.get("training", {})),
        "teachers": {name: _cut(network) for name, network in teachers.items() if name in teaching},
        "recipes": {name: [_cut(step) for step in steps] for name, steps in recipes.items()},
    }
    made["training"].setdefault("epochs", LEAST["epochs"])
    for network in made["teachers"].values():
        network.setdefault("epochs", LEAST["epochs"])
    source = str(values["data"]["source"])
    if source not in BUILT_IN and "://" not in source and Path(source).expanduser().exists():
        made["data"] = {**values["data"], "source": str(Path(source).expanduser().absolute())}
    return made


def quick_samples(dataset: Dataset) -> dict[SplitName, int]:
    """Return how many samples of each split are kept: fewer of large ones, but four for each class.

    Args:
        dataset: what was prepared.
    """
    values = sum(math.prod(spec.shape) for spec in dataset.inputs)
    train = min(MOST, max(LEAST_SAMPLES, 4 * len(dataset.classes), VALUES // values))
    return {"train": train, "validation": max(LEAST_SAMPLES, train // 4)}


def _cut(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: min(value, LEAST[key]) if key in LEAST and type(value) is int else value for key, value in settings.items()
    }


def _run(package: str, stage: str, arguments: Sequence[str], say: Callable[[str, str], None]) -> None:
    """Run one stage in the folder, without DVC."""
    command = [sys.executable, "-P", "-m", f"tasks.{package}", stage, *arguments]
    topic = "@".join((stage, *arguments[:1]))
    environment = stage_environment({MODULES: str(Path.cwd()), WORKSPACE: str(Path.cwd())})  # own networks are found
    last = ""
    with process_group(command, environment, FOLDER) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.rstrip()
            if line and not line.startswith(NATIVE):
                last = line
                say(topic, line)
    if process.returncode:
        raise QuickRunFailed(f"{topic}: {last.removeprefix('error: ')}")
