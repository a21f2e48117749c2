"""Decode batches inline for raw arrays or small sources, else in a process pool."""

import hashlib
import os
import signal
import threading
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import cast

from tasks.data_loading.bucket_sort import pack
from tasks.data_loading.contents import content_of
from tasks.errors import DataError
from tasks.samples import SplitName, size_of
from tasks.workloads.items import Payload, RawSample, Rows
from tasks.workloads.protocol import Draft, LearningReader, Reader, RowReader, UnusableError

BATCH_SAMPLES = 256
BATCH_BYTES = 8 << 20
DIGEST_BYTES = 16

Batch = list[RawSample | Rows]
AnyReader = Reader | LearningReader


@dataclass
class Decoded:
    """The result of a batch. ``packed`` is as :func:`tasks.data_loading.bucket_sort.pack` has it."""

    packed: list[bytes] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)  # of samples, by their hash
    usable: Counter[int] = field(default_factory=Counter)  # samples per label's hash
    declared: set[SplitName] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    changes: Counter[str] = field(default_factory=Counter)  # made so that samples fit

    def add(self, sample: RawSample, read: Callable[[Payload], Draft]) -> None:
        """Read and check one sample."""
        label = label_hash(sample.label)
        self.labels[label] = sample.label
        if sample.split:
            self.declared.add(sample.split)
        try:
            split_hash, digest, content, changes = read(sample.payload)
        except UnusableError as reason:
            self.refused.append((sample.name, str(reason)))
            return
        self.packed.append(pack(digest, split_hash, label, sample.split, sample.name, content))
        self.usable[label] += 1
        if changes:
            self.changes.update(changes)


@lru_cache(maxsize=4096)
def label_hash(label: str) -> int:
    """Return the number by which a label goes until all are known: BLAKE2b, 64 bits."""
    digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def decode_batch(batch: Batch, reader: AnyReader) -> Decoded:
    """Return what became of each sample of a batch: a packed one, or a refusal.

    Args:
        batch: samples as the source gives them.
        reader: of the workload.
    """
    decoded, read = Decoded(), _reading(reader)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders, about files that are odd and yet readable
        for item in batch:
            if isinstance(item, RawSample):
                decoded.add(item, read)
                continue
            for made in cast("RowReader", reader).unfold(item):
                if isinstance(made, RawSample):
                    decoded.add(made, read)
                else:
                    decoded.refused.append((made.name, made.reason))
    return decoded


def _reading(reader: AnyReader) -> Callable[[Payload], Draft]:
    """Return the function that makes a draft of a sample: its inputs' bytes, where nothing is to be learned."""
    if isinstance(reader, LearningReader):
        return reader.read
    specs, read = reader.inputs, reader.read

    def draft(payload: Payload) -> Draft:
        split_hash, inputs, changes = read(payload)
        content = content_of(inputs, specs)
        return Draft(split_hash, hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest(), content, changes)

    return draft


def decode(samples: Iterable[RawSample | Rows], reader: AnyReader, workers: int | None = None) -> Iterator[Decoded]:
    """Yield samples batch by batch, decoded, in their order, with a bounded number of batches under way.

    Args:
        samples: what to decode.
        reader: of samples.
        workers: processes; all processors if None.

    Raises:
        DataError: a process was killed.
    """
    batches = _batches(samples, 0 if isinstance(reader, LearningReader) else size_of(reader.inputs))
    first = list(islice(batches, 2))
    if len(first) < 2 or (isinstance(first[0][0], RawSample) and not isinstance(first[0][0].payload, bytes)):
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


def _batches(samples: Iterable[RawSample | Rows], prepared_bytes: int) -> Iterator[Batch]:
    """Samples in batches that take no more than so much memory, be it before decoding or after."""
    batch: Batch = []
    count = size = 0
    for sample in samples:
        batch.append(sample)
        if isinstance(sample, Rows):
            count += len(sample.rows)
            size += sum(len(cell) for row in sample.rows for cell in row)
        else:
            payload = sample.payload
            count += 1
            size += max(prepared_bytes, len(payload) if isinstance(payload, bytes) else payload.nbytes)
        if count >= BATCH_SAMPLES or size >= BATCH_BYTES:
            yield batch
            batch, count, size = [], 0, 0
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
