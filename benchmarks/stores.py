"""Time a large file on its way into an object store and back, and its memory, beside `aws s3 cp`.

    python benchmarks/stores.py [--megabytes 200] [--rounds 5]

Starts a Ceph object gateway of its own on loopback and moves one file of random bytes through it, each time in a
process of its own, slimline and `aws s3 cp` in turn. Prints the median of megabytes a second, the median and the
range of the ratio of each round's two, the median of the CPU seconds and the highest peak of the memory of any round.
`aws` is looked up on PATH (`pip install awscli` in an environment of its own).

Each round also moves a file of one byte the same way: what that takes is the tool's start, and the seconds beyond it
are the transfer's. Both are shown; on a busy machine the start is a good part of the whole.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
        tiny = file.with_name("tiny")
        tiny.write_bytes(b"x")
        runs: dict[tuple[str, str], list[tuple[Run, Run]]] = {}
        for number in range(options.rounds + 1):
            for verb, tool, small, large in one_round(str(aws), (tiny, file), number):
                if number:  # the first one warms up
                    runs.setdefault((verb, tool), []).append((small, large))
    show(runs, options.megabytes)


def one_round(aws: str, files: Sequence[Path], number: int) -> Iterator[tuple[str, str, Run, Run]]:
    """There and back with both, who begins changing from round to round; the tiny file's run and the large one's."""
    tools = ("slimline", "aws s3 cp")
    for tool in tools[:: 1 if number % 2 else -1]:
        runs = [there_and_back(aws, tool, file, f"{number}/{tool.replace(' ', '-')}-{file.name}") for file in files]
        for verb, tiny, large in zip(("publish", "fetch"), *runs, strict=True):
            yield verb, tool, tiny, large


def there_and_back(aws: str, tool: str, file: Path, key: str) -> tuple[Run, Run]:
    store, back = f"s3://{BUCKET}", file.with_name("back")
    if tool == "slimline":
        there = [sys.executable, "-c", PUBLISH, store, key, str(file)]
        fetch = [sys.executable, "-c", FETCH, store, key, str(back)]
    else:
        there = [aws, "s3", "cp", "--only-show-errors", str(file), f"{store}/{key}"]
        fetch = [aws, "s3", "cp", "--only-show-errors", f"{store}/{key}", str(back)]
    runs = watch(there), watch(fetch)
    if sha256(back) != sha256(file):
        raise SystemExit(f"{tool} brought another file back")
    back.unlink()
    return runs


def watch(command: list[str]) -> Run:
    """Run a command below a small process that knows what its one child took."""
    done = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, text=True, check=True)
    seconds, peak_kib, cpu, code = done.stdout.split()
    if code != "0":
        raise SystemExit(f"{' '.join(command)} ended with {code}: {done.stderr}")
    return Run(float(seconds), int(peak_kib) / 1024, float(cpu))


def show(runs: dict[tuple[str, str], list[tuple[Run, Run]]], megabytes: int) -> None:
    print(
        f"| {megabytes} MB | tool | MB/s | MB/s beyond the start | ÷ aws | ÷ aws beyond the start | CPU s | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for verb in ("publish", "fetch"):
        ours, theirs = runs[verb, "slimline"], runs[verb, "aws s3 cp"]
        whole = ratio([(their[1].seconds, our[1].seconds) for our, their in zip(ours, theirs, strict=True)])
        beyond = ratio([(transfer(*their), transfer(*our)) for our, their in zip(ours, theirs, strict=True)])
        for tool, rows, beside in (("slimline", ours, (whole, beyond)), ("aws s3 cp", theirs, ("", ""))):
            speed = statistics.median(megabytes / large.seconds for _, large in rows)
            moving = statistics.median(megabytes / transfer(tiny, large) for tiny, large in rows)
            cpu, peak = statistics.median(run.cpu_seconds for _, run in rows), max(run.peak_mib for _, run in rows)
            print(f"| {verb} | {tool} | {speed:.0f} | {moving:.0f} | {' | '.join(beside)} | {cpu:.1f} | {peak:.0f} |")


def transfer(tiny: Run, large: Run) -> float:
    """The seconds that the large file took beyond the start."""
    return max(large.seconds - tiny.seconds, 0.001)


def ratio(pairs: Sequence[tuple[float, float]]) -> str:
    """The median and the range of what the first takes by what the second takes."""
    ratios = [theirs / ours for theirs, ours in pairs]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})"


if __name__ == "__main__":
    main()
