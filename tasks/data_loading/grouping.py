"""Rows of which several make one sample, on their way into groups on disk and out of them as samples."""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tasks.data_loading.bucket_sort import pack
from tasks.data_loading.decoding import Decoded, label_hash
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.workers import Workers
from tasks.errors import SourceError
from tasks.samples import SPLITS, SplitName
from tasks.workloads.grouping import GROUPS, GroupingReader, Scattered, Shares
from tasks.workloads.items import RawSample, Rows

BATCH_ROWS = 1 << 14
LENGTH = struct.Struct("<I")
BUFFER = 1 << 16  # bytes held back per group
MUCH = 1 << 20  # bytes of all groups; with less to do, processes would take longer to start
NO_LABEL = ""


def group(
    items: Iterable[RawSample | Rows],
    reader: GroupingReader,
    shares: Shares,
    workers: Workers,
    scratch: Path,
    summary: LoadSummary,
) -> Iterator[Decoded]:
    """Yield the samples that rows make together, group by group.

    Args:
        items: of the source.
        reader: of rows.
        shares: the fractions wanted.
        workers: take rows apart, where there are many, and make samples of them.
        scratch: a folder for the groups, which the caller removes.
        summary: is told of the rows as they are read.

    Raises:
        SourceError: the source has samples that are no rows.
        DataError: a process was killed.
    """
    paths = [scratch / f"group-{number:03}" for number in range(GROUPS)]
    changes: Counter[str] = Counter()
    declared: set[SplitName] = set()
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb", buffering=BUFFER)) for path in paths]
        for scattered in _scattered(items, reader, workers):
            summary.use(scattered.rows)
            for refusal in scattered.refused:
                summary.refuse(refusal.name, refusal.reason)
            changes += scattered.changes
            declared |= scattered.declared
            for number, block in scattered.parts.items():
                files[number].write(LENGTH.pack(len(block)) + block)
    yield Decoded(changes=changes, declared=set(SPLITS), rows=0)  # the reader says for which split a sample is
    settled = reader.settle([partial(blocks_of, path) for path in paths], shares, frozenset(declared))
    work = partial(_collect, reader=settled)
    much = sum(path.stat().st_size for path in paths) > MUCH
    yield from workers.in_order(work, paths) if much else map(work, paths)


def _scattered(items: Iterable[RawSample | Rows], reader: GroupingReader, workers: Workers) -> Iterator[Scattered]:
    batches = _batches(items)
    first = next(batches, None)
    if first is None:
        return
    second = next(batches, None)
    if second is None:
        yield reader.scatter(first)
        return

    def all_batches() -> Iterator[Sequence[Rows]]:
        yield from (first, second)
        yield from batches

    yield from workers.in_order(reader.scatter, all_batches())


def _batches(items: Iterable[RawSample | Rows]) -> Iterator[Sequence[Rows]]:
    batch: list[Rows] = []
    count = 0
    for item in items:
        if not isinstance(item, Rows):
            raise SourceError(
                f"Expected rows of a table. Received: {item.name}, a sample by itself. "
                f"Change data.source or data.workload."
            )
        batch.append(item)
        count += len(item.rows)
        if count >= BATCH_ROWS:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def blocks_of(path: Path) -> Iterator[bytes]:
    """Yield what was scattered into a group.

    Args:
        path: of its file.
    """
    with path.open("rb") as file:
        while head := file.read(LENGTH.size):
            yield file.read(LENGTH.unpack(head)[0])


def _collect(path: Path, reader: GroupingReader) -> Decoded:
    """Return the samples of a group, packed."""
    decoded, label = Decoded(rows=0), label_hash(NO_LABEL)
    for name, split, draft in reader.collect(blocks_of(path), decoded.changes):
        check = int.from_bytes(hashlib.blake2b(draft.content, digest_size=8).digest(), "little")
        decoded.packed.append(pack(draft.digest, draft.split_hash, label, split, name, draft.content, check))
    if decoded.packed:
        decoded.labels[label] = NO_LABEL
        decoded.usable[label] = len(decoded.packed)
    path.unlink()
    return decoded
