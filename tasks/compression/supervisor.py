"""The compress stage: runs a recipe in a process of its own, so that a crash of the converter becomes an error."""

import signal
import subprocess
import sys

from tasks.compression.recipe import parse_recipe
from tasks.config import Params
from tasks.errors import CompressionError, ConfigError

STEP = "step "


def compress(params: Params, name: str = "") -> None:
    """Check the recipe ``name``, carry it out and pass on what it says.

    Raises:
        ConfigError: there is no such recipe, or its steps do not fit.
        CompressionError: the process that did the work was killed, as the converter does on some networks.
    """
    if name not in params.recipes:
        raise ConfigError(f"Expected one of the recipes {', '.join(params.recipes)}. Received: {name!r}.")
    parse_recipe(name, params.recipes[name])
    run_worker([sys.executable, "-m", "tasks.compression.worker", "work", name], name)


def run_worker(command: list[str], name: str) -> None:
    """Run ``command``, print its lines as they come, and say in which step it ended if it did not end well."""
    step = "start"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            step = line.strip() if line.startswith(STEP) else step
    if process.returncode < 0:
        reason = signal.Signals(-process.returncode).name
        raise CompressionError(
            f"Expected recipe {name} to end. Received: {reason} in {step}: a native crash, most likely of the LiteRT "
            f"converter on this network. Leave the step out, or take another mode."
        )
    if process.returncode:
        raise SystemExit(process.returncode)  # the worker has said why
