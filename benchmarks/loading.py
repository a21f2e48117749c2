"""Measure how fast images or texts become shards, and how much memory ten times as many of them take.

    python -m benchmarks.loading ARCHIVE [--times 10]
    python -m benchmarks.loading --rows 100000 [--times 10]
    python -m benchmarks.loading --interactions 100000 [--times 10]

Runs the load stage as `dvc repro` runs it, in a temporary workspace: read from the archive, decoded, checked,
split, sorted, written. With --times it packs an archive of so many times the images, all of them different, and
loads that too: the peak of the memory must stay where it is. With --rows it makes up a CSV file of texts, of words that
are as rare as those of a language. With --interactions it makes up a CSV file of who did what and when.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageChops

from tasks.samples import PREPARED, read_dataset

TARGETS = {"image": 5_000, "text": 50_000, "ratings": 200_000}  # samples or rows a second on two cores
WORDS = 50_000  # different ones in texts that are made up
SAMPLED_EVERY = 0.05  # seconds
PARAMS = """
data: {{source: {source}, workload: {workload}}}
recipes: {{float16: []}}
gate: {{rules: [{{metric: {metric}, margin: 0.1}}]}}
deployment: {{model: benchmark}}
"""


@dataclass(frozen=True)
class Run:
    """The cost of one load."""

    samples: int
    seconds: float
    cpu_seconds: float  # of all processes
    peak_bytes: int  # resident, of all processes together

    def line(self) -> str:
        return (
            f"{self.samples:>9,} samples  {self.seconds:6.1f} s  {self.samples / self.seconds:7,.0f} samples/s  "
            f"{self.cpu_seconds:6.1f} CPU s  peak {self.peak_bytes / 2**20:6.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, nargs="?", help="a tar archive of class folders of images")
    parser.add_argument("--rows", type=int, default=0, help="load so many texts that are made up")
    parser.add_argument("--interactions", type=int, default=0, help="load so many rows of ratings that are made up")
    parser.add_argument("--times", type=int, default=1, help="also load so many times the samples")
    options = parser.parse_args()
    count = options.rows or options.interactions
    if not count and not (options.archive and options.archive.is_file()):
        raise SystemExit(
            f"Expected an archive of class folders, or --rows or --interactions. Received: {options.archive}."
        )
    with tempfile.TemporaryDirectory(prefix="slimline-loading-") as name:
        folder = Path(name)
        workload = "text" if options.rows else "ratings" if options.interactions else "image"
        write = write_texts if options.rows else write_interactions
        first = write(folder / "made.csv", count) if count else options.archive.resolve()
        once = measure(first, workload, folder)
        print(f"{once.line()}  (target {TARGETS[workload]:,} samples/s on 2 cores; here {psutil.cpu_count()})")
        if options.times > 1:
            print(f"making {options.times} times the samples …")
            more = folder / ("more.csv" if count else "many.tar.gz")
            made = write(more, count * options.times) if count else multiply(first, options.times, more)
            many = measure(made, workload, folder)
            print(f"{many.line()}  ({many.peak_bytes / once.peak_bytes:.2f} × the memory)")


def write_texts(path: Path, count: int) -> Path:
    """Write a CSV file of two classes; texts have 4 to 20 words, of which the n-th one is 1 / (n + 10) as frequent."""
    rng = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(WORDS)])
    chances = 1 / (np.arange(WORDS) + 10)
    chances /= chances.sum()
    with path.open("w", encoding="utf-8") as file:
        file.write("id,label,text\n")
        for start in range(0, count, 10_000):
            lengths = rng.integers(4, 21, min(10_000, count - start))
            drawn = iter(words[rng.choice(WORDS, int(lengths.sum()), p=chances)].tolist())
            for number, length in enumerate(lengths.tolist(), start=start):
                text = " ".join(islice(drawn, length))
                text = text if number % 7 else f'"Hi, {text} call {number}"'
                file.write(f"{number},{'ab'[number % 2]},{text}\n")
    return path


def write_interactions(path: Path, count: int) -> Path:
    """Write a CSV file of users with 100 rows on average; the n-th item is 1 / (n + 50) as frequent."""
    rng = np.random.default_rng(1)
    chances = 1 / (np.arange(10_000) + 50)
    chances /= chances.sum()
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id,item_id,rating,timestamp\n")
        for start in range(0, count, 100_000):
            size = min(100_000, count - start)
            users, items = rng.integers(0, max(1, count // 100), size), rng.choice(len(chances), size, p=chances)
            rows = zip(users.tolist(), items.tolist(), rng.integers(1, 6, size).tolist(), range(size), strict=True)
            file.writelines(f"{user},{item},{rating},{1_000_000 + start + at}\n" for user, item, rating, at in rows)
    return path


def measure(source: Path, workload: str, workspace: Path) -> Run:
    """Load a source in a process of its own and watch it."""
    (workspace / "params.yaml").write_text(
        PARAMS.format(source=source, workload=workload, metric="ndcg" if workload == "ratings" else "accuracy")
    )
    command = [sys.executable, "-m", "tasks.data_loading"]
    subprocess.run([*command, "fingerprint"], cwd=workspace, check=True, stdout=subprocess.DEVNULL)
    started = time.perf_counter()
    peak, cpu = 0, {}
    with subprocess.Popen([*command, "load"], cwd=workspace, stdout=subprocess.DEVNULL) as stage:
        root = psutil.Process(stage.pid)
        while stage.poll() is None:
            resident = 0
            for process in (root, *children(root)):
                try:
                    resident += process.memory_info().rss
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                cpu[process.pid] = times.user + times.system
            peak = max(peak, resident)
            time.sleep(SAMPLED_EVERY)
    if stage.returncode:
        raise SystemExit(f"the load stage ended with {stage.returncode}")
    seconds = time.perf_counter() - started
    return Run(read_dataset(workspace / PREPARED).read, seconds, sum(cpu.values()), peak)


def children(process: psutil.Process) -> list[psutil.Process]:
    """All processes below one; none if it has just ended."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def multiply(archive: Path, times: int, path: Path) -> Path:
    """Pack each image and ``times - 1`` shifted copies of it, so that no two are equal."""
    with tarfile.open(archive, "r|*") as source, tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for member in source:
            file = source.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            content = file.read()
            stem, _, suffix = member.name.rpartition(".")
            with Image.open(io.BytesIO(content)) as image:
                for copy in range(times):
                    if copy:
                        shifted = io.BytesIO()
                        ImageChops.offset(image, copy, 2 * copy).save(shifted, image.format, quality=90)
                        content = shifted.getvalue()
                    added = tarfile.TarInfo(f"{stem}-{copy}.{suffix}")
                    added.size = len(content)
                    packed.addfile(added, io.BytesIO(content))
    return path


if __name__ == "__main__":
    main()
