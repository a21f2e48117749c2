"""The compress stage: runs a recipe in a process of its own, so that a crash of the converter becomes an error."""

import signal
import subprocess
import sys

from tasks.compression.recipe import parse_recipe
from tasks.compression.refusal import try_twice
from tasks.config import Params
from tasks.errors import CompressionError, ConfigError, Unsuited

STEP = "step "
NATIVE_CRASH = (
    "a native crash, most likely of the LiteRT converter on this network. Leave the step out, or take another mode."
)
CAUSES = {
    signal.SIGKILL: "killed from outside, most likely since memory ran out. Run fewer at a time (flow.parallel).",
    signal.SIGTERM: "ended from outside. Run it again.",
    signal.SIGINT: "ended from outside. Run it again.",
    signal.SIGHUP: "ended from outside. Run it again.",
    signal.SIGQUIT: "ended from outside. Run it again.",
    signal.SIGXCPU: "it was given no more time. Raise the limit (ulimit -t) and run it again.",
    signal.SIGXFSZ: "a file became larger than it may. Raise the limit (ulimit -f) and run it again.",
    signal.SIGBUS: "a file that it read was cut short, most likely since a disk is full. Make room and run it again.",
}


def compress(params: Params, name: str = "") -> None:
    """Check the recipe ``name``, carry it out and pass on what it says; if it cannot be made, record that.

    Raises:
        ConfigError: there is no such recipe, or its steps do not fit.
        CompressionError: the process that did the work was ended from outside.
    """
    if name not in params.recipes:
        raise ConfigError(f"Expected one of the recipes {', '.join(params.recipes)}. Received: {name!r}.")
    parse_recipe(name, params.recipes[name], params.teachers)
    try_twice(lambda: run_worker([sys.executable, "-m", "tasks.compression.worker", "work", name], name), name)


def run_worker(command: list[str], name: str) -> None:
    """Run ``command``, print its lines as they come, and say in which step it ended if it did not end well.

    The worker's standard input is a pipe that stays open as long as this process lives, see
    :func:`tasks.compression.worker.end_with_supervisor`.

    Raises:
        Unsuited: the worker was killed by a signal of its own making.
        CompressionError: it was killed from outside.
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
        kind = CompressionError if reason in CAUSES else Unsuited
        raise kind(
            f"Expected recipe {name} to end. Received: {reason.name} in {step}: {CAUSES.get(reason, NATIVE_CRASH)}"
        )
    if process.returncode:
        raise SystemExit(process.returncode)
