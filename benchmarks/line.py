"""What the flow costs: `slimline run` beside `dvc repro`, and a run in which nothing changed beside an empty flow.

Clones the repository twice, starts a Prefect server on loopback, and times whole commands, interleaved.
`--stages` prints where the seconds of a run go instead.
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

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SEARCH = f"{BIN}{os.pathsep}{os.environ['PATH']}"
Command = list[str | Path]
EMPTY_FLOW = "from prefect import flow\nflow(lambda: None, name='empty')()"


def clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    return folder


@contextlib.contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """A server on loopback; gives the environment that makes Prefect use it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
    began = time.perf_counter()
    own = {**environment, "PYTHONPATH": str(folder)}  # the clone's code
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began


def first_runs(rounds: int, work: Path, environment: dict[str, str]) -> None:
    flow: list[float] = []
    plain: list[float] = []
    commands: list[tuple[list[float], Command]] = [(flow, [BIN / "slimline", "run"]), (plain, [BIN / "dvc", "repro"])]
    for index in range(rounds):
        for times, command in commands if index % 2 else reversed(commands):
            folder = clone(work / f"{index}-{Path(command[0]).name}")
            times.append(timed(command, folder, environment))
            print(f"{Path(command[0]).name} {' '.join(map(str, command[1:]))}: {times[-1]:.1f} s", flush=True)
    ratios = [ours / theirs for ours, theirs in zip(flow, plain, strict=True)]
    print(f"first run: slimline run {statistics.median(flow):.1f} s, dvc repro {statistics.median(plain):.1f} s, "
          f"ratio {statistics.median(ratios):.2f} (at most 1.10)")  # fmt: skip


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
    """Where the seconds of a run go: each stage by itself, in the order of the line."""
    own = {**environment, "PYTHONPATH": str(folder)}
    listed = subprocess.run(
        [BIN / "dvc", "stage", "list", "--name-only"], cwd=folder, env=own, capture_output=True, text=True, check=True
    )
    print("| stage | seconds | CPU seconds |\n|---|---|---|")
    total = [0.0, 0.0]
    for stage in listed.stdout.split():
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        timed([BIN / "dvc", "repro", "--single-item", stage], folder, environment)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        total = [total[0] + wall, total[1] + cpu]
        print(f"| {stage} | {wall:.1f} | {cpu:.1f} |", flush=True)
    print(f"| all, one after the other | {total[0]:.1f} | {total[1]:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="fresh clones for each of the two commands")
    parser.add_argument("--stages", action="store_true", help="only print what each stage costs")
    parser.add_argument("--again", type=int, default=5, help="runs in which nothing changed")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="slimline-line-"))
    try:
        if options.stages:
            stage_costs(clone(work / "stages"), {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": SEARCH})
            return
        with prefect_server(work / "prefect") as environment:
            first_runs(options.rounds, work, environment)
            unchanged_runs(options.again, work / "0-slimline", environment)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
