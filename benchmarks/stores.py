"""How fast a large file gets into an object store and back, and in how much memory, beside `aws s3 cp`.

    python benchmarks/stores.py [--megabytes 200] [--rounds 5]

Starts a Ceph object gateway of its own on loopback and moves one file of random bytes through it, each time in a
process of its own, slimline and `aws s3 cp` in turn. Prints the median of megabytes a second, the median and the
range of the ratio of each round's two, the median of the CPU seconds and the highest peak of the memory of any round.
`aws` is looked up on PATH (`pip install awscli` in an environment of its own).

A transfer's seconds are those of the process, its start included: both are Python that loads boto's tables.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.files import sha256
from tasks.s3.connection import connect
from tests.radosgw import missing, radosgw

BUCKET = "benchmark"
MEGABYTE = 10**6
PUBLISH = """
import sys
from pathlib import Path
from tasks.deployment.stores.opening import open_store
open_store(sys.argv[1]).put_file(sys.argv[2], Path(sys.argv[3]))
"""
FETCH = """
import sys
from pathlib import Path
from tasks.deployment.stores.opening import open_reader
open_reader(sys.argv[1]).read_to(sys.argv[2], Path(sys.argv[3]), 1 << 40)
"""
WATCH = """
import os, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - started, used.ru_maxrss, used.ru_utime + used.ru_stime, code)
"""


@dataclass(frozen=True)
class Run:
    """One transfer."""

    seconds: float
    peak_mib: float  # resident, of the process that transfers
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    aws = shutil.which("aws")
    if reason := missing() or (None if aws else "no `aws` on PATH: install awscli"):
        raise SystemExit(f"Expected a gateway and something to compare with. Received: {reason}.")
    with tempfile.TemporaryDirectory(prefix="slimline-stores-") as name, radosgw() as gateway:
        os.environ |= gateway.settings() | {"AWS_CONFIG_FILE": os.devnull}
        connect().create_bucket(Bucket=BUCKET)
        file = Path(name) / "file"
        with file.open("wb") as target:
            for _ in range(options.megabytes):
                target.write(os.urandom(MEGABYTE))
        runs: dict[tuple[str, str], list[Run]] = {}
        for number in range(options.rounds + 1):
            for verb, tool, run in one_round(str(aws), file, number):
                if number:  # the first one warms up
                    runs.setdefault((verb, tool), []).append(run)
    show(runs, options.megabytes)


def one_round(aws: str, file: Path, number: int) -> Iterator[tuple[str, str, Run]]:
    """There and back with both, who begins changing from round to round."""
    tools = ("slimline", "aws s3 cp")
    for tool in tools[:: 1 if number % 2 else -1]:
        key, back = f"{number}/{tool.replace(' ', '-')}", file.with_name("back")
        store = f"s3://{BUCKET}"
        if tool == "slimline":
            there = [sys.executable, "-c", PUBLISH, store, key, str(file)]
            fetch = [sys.executable, "-c", FETCH, store, key, str(back)]
        else:
            there = [aws, "s3", "cp", "--only-show-errors", str(file), f"{store}/{key}"]
            fetch = [aws, "s3", "cp", "--only-show-errors", f"{store}/{key}", str(back)]
        yield "publish", tool, watch(there)
        yield "fetch", tool, watch(fetch)
        if sha256(back) != sha256(file):
            raise SystemExit(f"{tool} brought another file back")
        back.unlink()


def watch(command: list[str]) -> Run:
    """Run a command below a small process that knows what its one child took."""
    done = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, text=True, check=True)
    seconds, peak_kib, cpu, code = done.stdout.split()
    if code != "0":
        raise SystemExit(f"{' '.join(command)} ended with {code}: {done.stderr}")
    return Run(float(seconds), int(peak_kib) / 1024, float(cpu))


def show(runs: dict[tuple[str, str], list[Run]], megabytes: int) -> None:
    print(f"| {megabytes} MB | tool | MB/s | slimline ÷ aws, median (range) | CPU s | peak MiB |")
    print("|---|---|---|---|---|---|")
    for verb in ("publish", "fetch"):
        ours, theirs = runs[verb, "slimline"], runs[verb, "aws s3 cp"]
        ratios = [their.seconds / our.seconds for our, their in zip(ours, theirs, strict=True)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})"
        for tool, rows, beside in (("slimline", ours, ratio), ("aws s3 cp", theirs, "")):
            speed = statistics.median(megabytes / run.seconds for run in rows)
            cpu, peak = statistics.median(run.cpu_seconds for run in rows), max(run.peak_mib for run in rows)
            print(f"| {verb} | {tool} | {speed:.0f} | {beside} | {cpu:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
