"""Decoding in batches: at once where pixels come raw or there are few, else by processes of their own."""

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

from tasks.data_loading.opening import UnusableImageError, open_image
from tasks.data_loading.sources.protocol import Payload
from tasks.data_loading.splitting import place_of
from tasks.data_loading.spool import pack
from tasks.data_loading.targets import Target
from tasks.errors import DataError
from tasks.images import fit
from tasks.samples import SplitName

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
    """What became of a batch. ``packed`` is as :func:`tasks.data_loading.spool.pack` has it."""

    packed: list[bytes] = field(default_factory=list)
    classes: Counter[int] = field(default_factory=Counter)  # samples per class number
    refused: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    resized: int = 0
    recoloured: int = 0


def decode_batch(batch: Batch, target: Target) -> Decoded:
    """Decode, check and fit each image of a batch."""
    decoded = Decoded()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about files that are odd and yet readable
        for name, class_number, declared, payload in batch:
            try:
                image = open_image(payload)
            except UnusableImageError as reason:
                decoded.refused.append((name, str(reason)))
                continue
            pixels = image.tobytes()
            place = place_of(image.mode, image.size, pixels)
            fitted = fit(image, target.height, target.width, target.channels)
            if fitted is not image:
                decoded.resized += image.size != fitted.size
                decoded.recoloured += image.mode != fitted.mode
                pixels = fitted.tobytes()
            digest = hashlib.blake2b(pixels, digest_size=DIGEST_BYTES).digest()
            decoded.packed.append(pack(digest, place, class_number, declared, name, pixels))
            decoded.classes[class_number] += 1
    return decoded


def decode(samples: Iterable[Numbered], target: Target, workers: int | None = None) -> Iterator[Decoded]:
    """Decode samples batch by batch, in their order, with a bounded number of batches under way.

    Args:
        samples: what to decode.
        target: what every image is brought to.
        workers: processes; all processors if None.

    Raises:
        DataError: a process was killed.
    """
    batches = _batches(samples, target.bytes)
    first = list(islice(batches, 2))
    if len(first) < 2 or not isinstance(first[0][0].payload, bytes):
        for batch in chain(first, batches):
            yield decode_batch(batch, target)
        return
    workers = workers or os.cpu_count() or 1
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imported once, not in every process
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_follow_parent)
    waiting: deque[Future[Decoded]] = deque()
    try:
        for batch in chain(first, batches):
            waiting.append(pool.submit(decode_batch, batch, target))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "Expected to decode all images. Received: a decoding process was killed, most likely for want of memory. "
            "Free some, or look for a huge image in the source, and run again."
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
