"""Time the flow: `slimline run` beside `dvc repro`, and a run in which nothing changed beside an empty flow.

Clones the repository twice, starts a Prefect server on loopback, and times whole commands, interleaved.
`--stages` prints where the seconds of a run go instead, `--idle` the memory of a service that has nothing to do.
"""

import argparse
import contextlib
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from tasks.versioning.params_file import set_params

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SEARCH = f"{BIN}{os.pathsep}{os.environ['PATH']}"
Command = list[str | Path]
TEN_MINUTES = 600.0
IDLE_SECONDS = 60.0  # before memory is measured
EMPTY_FLOW = "from prefect import flow\nflow(lambda: None, name='empty')()"


def clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """A server on loopback; gives the environment that makes Prefect use it."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "DVC_NO_ANALYTICS": "1"}
    environment = {**os.environ, **quiet, "PREFECT_HOME": str(home)}
    command: Command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            while not answers(f"{api}/health"):
                if server.poll() is not None:
                    raise SystemExit("The Prefect server did not start.")
                time.sleep(0.5)
            yield {**environment, "PREFECT_API_URL": api, "PATH": SEARCH}
        finally:
            server.terminate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def timed(command: Command, folder: Path, environment: dict[str, str]) -> float:
    return costs(command, folder, environment)[0]


def costs(command: Command, folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """The seconds of a command, and CPU seconds of it and all that it starts, which other work hardly changes."""
    began, before = time.perf_counter(), cpu_seconds()
    own = {**environment, "PYTHONPATH": str(folder)}  # the clone's code
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began, cpu_seconds() - before


def cpu_seconds() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def first_runs(rounds: int, work: Path, environment: dict[str, str], changes: list[str]) -> None:
    flow: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    commands: list[tuple[list[tuple[float, float]], Command]]
    commands = [(flow, [BIN / "slimline", "run"]), (plain, [BIN / "dvc", "repro"])]
    for index in range(rounds):
        for made, command in commands if index % 2 else reversed(commands):
            folder = clone(work / f"{index}-{Path(command[0]).name}")
            set_params(changes, folder / "params.yaml")
            made.append(costs(command, folder, environment))
            words = " ".join(map(str, (Path(command[0]).name, *command[1:])))
            print(f"{words}: {made[-1][0]:.1f} s, {made[-1][1]:.1f} CPU s", flush=True)
    for unit, ours, theirs in zip(("s", "CPU s"), zip(*flow, strict=True), zip(*plain, strict=True), strict=True):
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        extra = statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
        medians = f"slimline run {statistics.median(ours):.1f} {unit}, dvc repro {statistics.median(theirs):.1f} {unit}"
        share = f"{extra:+.1f} {unit}, {extra / TEN_MINUTES:+.1%} of ten minutes (at most 5 %)"
        print(f"first run: {medians}, ratio {ratio:.2f}; {share}")


def unchanged_runs(rounds: int, folder: Path, environment: dict[str, str]) -> None:
    again, empty = [], []
    for _ in range(rounds):
        empty.append(timed([sys.executable, "-c", EMPTY_FLOW], folder, environment))
        again.append(timed([BIN / "slimline", "run"], folder, environment))
        print(f"empty flow: {empty[-1]:.1f} s, slimline run with nothing changed: {again[-1]:.1f} s", flush=True)
    extra = statistics.median(a - b for a, b in zip(again, empty, strict=True))
    print(f"nothing changed: {extra:.1f} s more than an empty flow (at most 8)")
    traced = subprocess.run(
        [BIN / "slimline", "run"],
        cwd=folder,
        env={**environment, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = any(line.rsplit("|", 1)[-1].strip() == "tensorflow" for line in traced.stderr.splitlines())
    print(f"TensorFlow was {'' if loaded else 'not '}loaded")


def stage_costs(folder: Path, environment: dict[str, str]) -> None:
    """The seconds of a run: each stage by itself, in the order of the line."""
    own = {**environment, "PYTHONPATH": str(folder)}
    listed = subprocess.run(
        [BIN / "dvc", "stage", "list", "--name-only"], cwd=folder, env=own, capture_output=True, text=True, check=True
    )
    print("| stage | seconds | CPU seconds |\n|---|---|---|")
    total = [0.0, 0.0]
    for stage in listed.stdout.split():
        wall, cpu = costs([BIN / "dvc", "repro", "--single-item", stage], folder, environment)
        total = [total[0] + wall, total[1] + cpu]
        print(f"| {stage} | {wall:.1f} | {cpu:.1f} |", flush=True)
    print(f"| all, one after the other | {total[0]:.1f} | {total[1]:.1f} |")


def idle_memory(folder: Path, environment: dict[str, str]) -> None:
    """Print what `slimline up` holds while nothing happens: the memory of each process, resident and proportional."""
    subprocess.run([BIN / "slimline", "new", folder], env=environment, check=True, capture_output=True)
    command: Command = [BIN / "slimline", "up", "--port", str(free_port())]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as up:
        try:
            assert up.stderr is not None
            if not any("Stop with Ctrl-C" in line for line in up.stderr):
                raise SystemExit("The service did not start.")
            time.sleep(IDLE_SECONDS)
            print("| process | resident, MB | proportional, MB |\n|---|---|---|")
            for process in (psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)):
                memory = process.memory_full_info()
                words = " ".join(word for word in process.cmdline()[1:] if not word.startswith(("-", "/")))
                print(f"| {words} | {memory.rss / 1e6:.0f} | {memory.pss / 1e6:.0f} |")
        finally:
            up.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="fresh clones for each of the two commands")
    parser.add_argument("--stages", action="store_true", help="only print what each stage costs")
    parser.add_argument(
        "--set", nargs="*", default=[], help="changes of params.yaml, as `slimline run --set` takes them"
    )
    parser.add_argument("--again", type=int, default=5, help="runs in which nothing changed")
    parser.add_argument("--idle", action="store_true", help="only print the memory of a service with nothing to do")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="slimline-line-"))
    try:
        if options.stages:
            stage_costs(clone(work / "stages"), {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": SEARCH})
            return
        if options.idle:
            idle_memory(work / "idle", {**os.environ, "PATH": SEARCH})
            return
        with prefect_server(work / "prefect") as environment:
            first_runs(options.rounds, work, environment, options.set)
            unchanged_runs(options.again, work / "0-slimline", environment)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
