import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tasks.data_loading.bucket_sort import HEAD
from tasks.data_loading.decoding import BATCH_SAMPLES, decode, label_hash
from tasks.data_loading.workers import Workers
from tasks.errors import DataError
from tasks.workloads.image.reading import ImageReader
from tasks.workloads.items import RawSample
from tests.tasks.data_loading.material import picture, pixels

READER = ImageReader(12, 10, 3)


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(2) as made:
        yield made


# Starts decoding, says which processes do it, and waits to be killed.
ENDLESS = """
import itertools, psutil
from tasks.data_loading.decoding import decode
from tasks.data_loading.workers import Workers
from tasks.workloads.items import RawSample
from tasks.workloads.image.reading import ImageReader
from tasks.workloads.items import RawSample
from tests.tasks.data_loading.material import picture
if __name__ == "__main__":
    image = picture(1)
    endless = (RawSample(str(index), "a", None, image) for index in itertools.count())
    for _ in decode(endless, ImageReader(12, 10, 3), Workers(2)):
        children = psutil.Process().children(recursive=True)
        print(*(child.pid for child in children), flush=True)
"""


def samples(count: int) -> Iterator[RawSample]:
    content = picture(1)
    return (RawSample(str(index), "a", None, content) for index in range(count))


def names(packed: list[bytes]) -> list[str]:
    return [record[HEAD.size : HEAD.size + HEAD.unpack_from(record)[5]].decode() for record in packed]


@pytest.mark.parametrize("count", [0, 1, BATCH_SAMPLES, 5 * BATCH_SAMPLES + 1])
def test_every_sample_comes_back_in_order(count: int, workers: Workers) -> None:
    decoded = list(decode(samples(count), READER, workers))
    assert [name for batch in decoded for name in names(batch.packed)] == [str(index) for index in range(count)]
    assert sum(batch.usable[label_hash("a")] for batch in decoded) == count


def test_only_a_bounded_number_of_batches_is_under_way(workers: Workers) -> None:
    taken = 0

    def counted() -> Iterator[RawSample]:
        nonlocal taken
        for sample in samples(40 * BATCH_SAMPLES):
            taken += 1
            yield sample

    batches = decode(counted(), READER, workers)
    next(batches)
    assert taken <= 8 * BATCH_SAMPLES
    batches.close()  # type: ignore[attr-defined]


def test_raw_pixels_and_small_sources_need_no_processes(workers: Workers) -> None:
    raw = (RawSample(str(index), "a", None, pixels(index)) for index in range(3 * BATCH_SAMPLES))
    for many in (raw, samples(BATCH_SAMPLES)):
        for _ in decode(many, READER, workers):
            assert not [child for child in psutil.Process().children(recursive=True) if is_worker(child)]


def test_a_worker_that_is_killed_is_told_as_an_error(workers: Workers) -> None:
    batches = decode(samples(10_000), READER, workers)
    next(batches)
    for child in psutil.Process().children(recursive=True):
        if is_worker(child):
            child.kill()
    with pytest.raises(DataError, match="a process that loads was killed"):
        list(batches)


def test_workers_end_when_their_parent_is_killed(workers: Workers) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) >= 2
        parent.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def is_worker(process: psutil.Process) -> bool:
    """Tell whether a process is a child of the fork server, and not that or the resource tracker itself."""
    return process.ppid() != os.getpid()
