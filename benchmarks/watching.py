"""Look at a source of 100,000 files, as the watch does on its interval: a folder, and a prefix of a real S3 server.

    python benchmarks/watching.py                 # a folder, and S3 where AWS_ENDPOINT_URL names a server
    python benchmarks/watching.py --files 1000000

A look lists, keeps what was listed, counts classes and compares with an earlier listing. Putting the objects there is
not measured; it takes some minutes. Take a real server: Ministack, which tests use, did not answer in time for so many.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tasks.config import Data
from tasks.s3.connection import connect
from tasks.watching.comparison import compare
from tasks.watching.looking import look

CLASSES = 100
WRITERS = 16
BUCKET = "slimline-watching"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="slimline-watching-") as folder:
        os.chdir(folder)
        write_folder(files)
        measure("folder", "images", files, lambda: Path("images/class000/new.png").write_bytes(b"x"))
        if "AWS_ENDPOINT_URL" in os.environ:
            client = connect(WRITERS)
            client.create_bucket(Bucket=BUCKET)

            def put(name: str) -> None:
                client.put_object(Bucket=BUCKET, Key=f"images/{name}", Body=b"x")

            with ThreadPoolExecutor(WRITERS) as pool:
                list(pool.map(put, map(name_of, range(files))))
            measure("S3 prefix", f"s3://{BUCKET}/images", files, lambda: put("class000/new.png"))


def measure(what: str, source: str, files: int, change: Callable[[], object]) -> None:
    """Look, change one file, look again and compare."""
    data = Data(source=source)
    before = look(data)
    change()
    started, cpu = time.perf_counter(), time.process_time()
    now = look(data)
    listed = time.perf_counter() - started
    difference = compare(before, now, data)
    seconds = time.perf_counter() - started
    assert (difference.added, difference.files) == (1, files + 1), difference
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:<10} {files:>9,} files  look {listed:5.2f} s  with comparison {seconds:5.2f} s  "
        f"{time.process_time() - cpu:5.2f} CPU s  peak {peak:4.0f} MiB",
        flush=True,
    )


def name_of(number: int) -> str:
    return f"class{number % CLASSES:03}/{number:07}.png"


def write_folder(files: int) -> None:
    for number in range(CLASSES):
        Path(f"images/class{number:03}").mkdir(parents=True)
    for number in range(files):
        Path("images", name_of(number)).write_bytes(b"x")


if __name__ == "__main__":
    main()
