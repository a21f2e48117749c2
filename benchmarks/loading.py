"""Measure how fast images become shards, and how much memory ten times as many of them take.

    python -m benchmarks.loading ARCHIVE [--times 10]

Runs the load stage as `dvc repro` runs it, in a temporary workspace: read from the archive, decoded, checked,
split, sorted, written. With --times it packs an archive of so many times the images, all of them different, and
loads that too: the peak of the memory must stay where it is.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image, ImageChops

from tasks.samples import PREPARED, read_dataset

TARGET = 5000  # images a second on two cores
SAMPLED_EVERY = 0.05  # seconds
PARAMS = """
data: {{source: {source}}}
recipes: {{float16: []}}
gate: {{rules: [{{metric: accuracy, margin: 0.1}}]}}
deployment: {{model: benchmark}}
"""


@dataclass(frozen=True)
class Run:
    """What one load took."""

    images: int
    seconds: float
    cpu_seconds: float  # of all processes
    peak_bytes: int  # resident, of all processes together

    def line(self) -> str:
        return (
            f"{self.images:>9,} images  {self.seconds:6.1f} s  {self.images / self.seconds:7,.0f} images/s  "
            f"{self.cpu_seconds:6.1f} CPU s  peak {self.peak_bytes / 2**20:6.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="a tar archive of class folders")
    parser.add_argument("--times", type=int, default=1, help="also load so many times the images")
    options = parser.parse_args()
    if not options.archive.is_file():
        raise SystemExit(f"Expected an archive of class folders. Received: {options.archive}, which is not there.")
    with tempfile.TemporaryDirectory(prefix="slimline-loading-") as folder:
        once = measure(options.archive.resolve(), Path(folder))
        print(f"{once.line()}  (target {TARGET:,} images/s on 2 cores; here {psutil.cpu_count()})")
        if options.times > 1:
            print(f"packing {options.times} times the images …")
            many = measure(multiply(options.archive, options.times, Path(folder) / "many.tar.gz"), Path(folder))
            print(f"{many.line()}  ({many.peak_bytes / once.peak_bytes:.2f} × the memory)")


def measure(archive: Path, workspace: Path) -> Run:
    """Load an archive in a process of its own and watch it."""
    (workspace / "params.yaml").write_text(PARAMS.format(source=archive))
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
