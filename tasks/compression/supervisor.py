"""The compress stage: runs a recipe in a process of its own, so that a library's crash or hang becomes an error."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from tasks.compression.recipe import parse_recipe
from tasks.compression.refusal import try_twice
from tasks.config import Params
from tasks.errors import CompressionError, ConfigError, Unsuited

STEP = "step "
ALIVE = "\x06"  # a line of the worker that says nothing but that work goes on
PATIENCE = "SLIMLINE_PATIENCE_MINUTES"  # environment variable: how long a worker may come no further; 0: for ever
MINUTES = 10.0
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
    """Check a recipe, carry it out and pass on what it says; if it cannot be made, record that.

    Args:
        params: all of params.yaml.
        name: of the recipe.

    Raises:
        ConfigError: there is no such recipe, or its steps do not fit.
        CompressionError: the process that did the work was ended from outside.
    """
    if name not in params.recipes:
        raise ConfigError(f"Expected one of the recipes {', '.join(params.recipes)}. Received: {name!r}.")
    parse_recipe(name, params.recipes[name], params.teachers, params.data.workload, print)
    command = [sys.executable, "-P", "-m", "tasks.compression.worker", "work", name]
    try_twice(lambda: run_worker(command, name, patience()), name)


def patience() -> float | None:
    """Return the seconds that a worker may come no further; None: for ever.

    Raises:
        ConfigError: the environment variable is no number of minutes.
    """
    told = os.environ.get(PATIENCE, str(MINUTES))
    try:
        minutes = float(told)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < float("inf"):
        raise ConfigError(f"Expected {PATIENCE} to be a number of minutes, 0 for no limit. Received: {told!r}.")
    return minutes * 60 or None


def run_worker(command: list[str], name: str, seconds: float | None = None) -> None:
    """Run ``command``, print its lines as they come, and say in which step it ended if it did not end well.

    The worker's standard input is a pipe that stays open as long as this process lives, see
    :func:`tasks.processes.end_with_parent`.

    Args:
        command: of the worker.
        name: of the recipe.
        seconds: that the worker may be silent; lines of :data:`ALIVE` count and are not printed. None: for ever.

    Raises:
        Unsuited: the worker was killed by a signal of its own making, or since it was silent for so long.
        CompressionError: it was killed from outside.
        SystemExit: it ended with another code than 0; it has said why.
    """
    step = "start"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        watch = _Watch(process, seconds)
        for line in watch.lines():
            print(line, end="", flush=True)
            step = line.strip() if line.startswith(STEP) else step
    if watch.gave_up and seconds:
        raise Unsuited(
            f"Expected recipe {name} to come further. Received: no progress for {seconds / 60:g} minutes in {step}. "
            f"Leave the step out, or wait longer with the environment variable {PATIENCE} (minutes)."
        )
    if process.returncode < 0:
        reason = signal.Signals(-process.returncode)
        kind = CompressionError if reason in CAUSES else Unsuited
        raise kind(
            f"Expected recipe {name} to end. Received: {reason.name} in {step}: {CAUSES.get(reason, NATIVE_CRASH)}"
        )
    if process.returncode:
        raise SystemExit(process.returncode)


class _Watch:
    """Passes on what a process says, and kills it when it has been silent for too long.

    Args:
        process: whose standard output is a pipe.
        seconds: that it may be silent; None: for ever.
    """

    def __init__(self, process: subprocess.Popen[str], seconds: float | None) -> None:
        self._process, self._seconds = process, seconds
        self.gave_up = False

    def lines(self) -> Iterator[str]:
        """Give what it says, without signs of life."""
        assert self._process.stdout is not None
        timer = self._timer()
        try:
            for line in self._process.stdout:
                timer.cancel()
                timer = self._timer()
                if line.strip() != ALIVE:
                    yield line
        finally:
            timer.cancel()

    def _timer(self) -> threading.Timer:
        timer = threading.Timer(self._seconds or 0.0, self._give_up)
        timer.daemon = True
        if self._seconds:
            timer.start()
        return timer

    def _give_up(self) -> None:
        self.gave_up = True
        self._process.kill()
