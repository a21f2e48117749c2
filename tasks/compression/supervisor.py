"""The compress stage: runs a recipe in a process of its own, so that a crash of the converter becomes an error."""

import signal
import subprocess
import sys

from tasks.compression.recipe import parse_recipe
from tasks.config import Params
from tasks.errors import CompressionError, ConfigError

STEP = "step "
NATIVE_CRASH = (
    "a native crash, most likely of the LiteRT converter on this network. Leave the step out, or take another mode."
)
CAUSES = {
    signal.SIGKILL: "killed from outside, most likely since memory ran out. Run fewer at a time (flow.parallel).",
    signal.SIGTERM: "ended from outside. Run it again.",
    signal.SIGINT: "ended from outside. Run it again.",
}


def compress(params: Params, name: str = "") -> None:
    """Check the recipe ``name``, carry it out and pass on what it says.

    Raises:
        ConfigError: there is no such recipe, or its steps do not fit.
        CompressionError: the process that did the work was killed, as the converter does on some networks.
    """
    if name not in params.recipes:
        raise ConfigError(f"Expected one of the recipes {', '.join(params.recipes)}. Received: {name!r}.")
    parse_recipe(name, params.recipes[name], params.teachers)
    run_worker([sys.executable, "-m", "tasks.compression.worker", "work", name], name)


def run_worker(command: list[str], name: str) -> None:
    """Run ``command``, print its lines as they come, and say in which step it ended if it did not end well.

    The worker's standard input is a pipe that stays open as long as this process lives, see
    :func:`tasks.processes.end_with_parent`.

    Raises:
        CompressionError: the worker was killed by a signal.
        SystemExit: it ended with another code than 0; it has said why.
    """
    step = "start"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            step = line.strip() if line.startswith(STEP) else step
    if process.returncode < 0:
        reason = signal.Signals(-process.returncode)
        raise CompressionError(
            f"Expected recipe {name} to end. Received: {reason.name} in {step}: {CAUSES.get(reason, NATIVE_CRASH)}"
        )
    if process.returncode:
        raise SystemExit(process.returncode)
