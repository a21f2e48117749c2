"""Decode batches inline for raw arrays or small sources, else in a process pool."""

import hashlib
import os
import signal
import threading
import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import NamedTuple

from tasks.data_loading.bucket_sort import pack
from tasks.data_loading.contents import content_of
from tasks.errors import DataError
from tasks.samples import SplitName, size_of
from tasks.workloads.items import Payload
from tasks.workloads.protocol import Reader, UnusableError

BATCH_SAMPLES = 256
BATCH_BYTES = 8 << 20
DIGEST_BYTES = 16


class Numbered(NamedTuple):
    """A raw sample whose class has got a number."""

    name: str
    class_number: int
    declared: SplitName | None
    payload: Payload


Batch = list[Numbered]


@dataclass
class Decoded:
    """The result of a batch. ``packed`` is as :func:`tasks.data_loading.bucket_sort.pack` has it."""

    packed: list[bytes] = field(default_factory=list)
    classes: Counter[int] = field(default_factory=Counter)  # samples per class number
    refused: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    changes: Counter[str] = field(default_factory=Counter)  # made so that samples fit


def decode_batch(batch: Batch, reader: Reader) -> Decoded:
    """Return what became of each sample of a batch: a packed one, or a refusal.

    Args:
        batch: samples as the source gives them.
        reader: of the workload.
    """
    decoded, specs = Decoded(), reader.inputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders, about files that are odd and yet readable
        for name, class_number, declared, payload in batch:
            try:
                split_hash, inputs, changes = reader.read(payload)
                content = content_of(inputs, specs)
            except UnusableError as reason:
                decoded.refused.append((name, str(reason)))
                continue
            digest = hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
            decoded.packed.append(pack(digest, split_hash, class_number, declared, name, content))
            decoded.classes[class_number] += 1
            decoded.changes.update(changes)
    return decoded


def decode(samples: Iterable[Numbered], reader: Reader, workers: int | None = None) -> Iterator[Decoded]:
    """Yield samples batch by batch, decoded, in their order, with a bounded number of batches under way.

    Args:
        samples: what to decode.
        reader: of samples.
        workers: processes; all processors if None.

    Raises:
        DataError: a process was killed.
    """
    batches = _batches(samples, size_of(reader.inputs))
    first = list(islice(batches, 2))
    if len(first) < 2 or not isinstance(first[0][0].payload, bytes):
        for batch in chain(first, batches):
            yield decode_batch(batch, reader)
        return
    workers = workers or os.cpu_count() or 1
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, type(reader).__module__])  # imported once, not in every process
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent)
    waiting: deque[Future[Decoded]] = deque()
    try:
        for batch in chain(first, batches):
            waiting.append(pool.submit(decode_batch, batch, reader))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "Expected to decode all samples. Received: a decoding process was killed, most likely for want of memory. "
            "Free some, or look for a huge sample in the source, and run again."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(samples: Iterable[Numbered], prepared_bytes: int) -> Iterator[Batch]:
    """Samples in batches that take no more than so much memory, be it before decoding or after."""
    batch: Batch = []
    size = 0
    for sample in samples:
        batch.append(sample)
        payload = sample.payload
        size += max(prepared_bytes, len(payload) if isinstance(payload, bytes) else payload.nbytes)
        if len(batch) == BATCH_SAMPLES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _follow_parent() -> None:
    """End with the parent, however it ends; interrupts are the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
