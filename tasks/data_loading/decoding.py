"""Decode batches inline for raw arrays or small sources, else in a process pool."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import chain, islice
from typing import cast

from tasks.data_loading.bucket_sort import HEAD, PLACES, pack
from tasks.data_loading.contents import content_of
from tasks.data_loading.workers import Workers
from tasks.samples import SplitName, size_of
from tasks.workloads.items import Payload, RawSample, Rows
from tasks.workloads.protocol import (
    CuttingReader,
    Draft,
    Drafted,
    DraftingReader,
    LearningReader,
    Reader,
    RowReader,
    UnusableError,
)

BATCH_SAMPLES = 256
BATCH_BYTES = 8 << 20
DIGEST_BYTES = 16
CHECK = hashlib.blake2b(digest_size=8)  # a copy takes half the time of a new one

Batch = list[RawSample | Rows]
AnyReader = Reader | LearningReader


@dataclass
class Decoded:
    """The result of a batch.

    ``packed`` is as :func:`tasks.data_loading.bucket_sort.pack` has it. ``rows``: of which samples were made, where
    several make one; they are counted as they are read.
    """

    packed: list[bytes] = field(default_factory=list)
    labels: dict[int, str] = field(default_factory=dict)  # of samples, by their hash
    usable: Counter[int] = field(default_factory=Counter)  # samples per label's hash
    declared: set[SplitName] = field(default_factory=set)
    drawn: dict[int, list[int]] = field(default_factory=dict)  # hashes that decide splits, per label's hash
    refused: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    changes: Counter[str] = field(default_factory=Counter)  # made so that samples fit
    rows: int | None = None

    def add(self, sample: RawSample, read: Callable[[Payload], Draft], checked: bool) -> None:
        """Read and check one sample.

        Args:
            sample: of a source.
            read: makes a draft of it.
            checked: whether equal digests may have different contents.
        """
        label = self._labelled(sample.label, sample.split)
        try:
            draft = read(sample.payload)
        except UnusableError as reason:
            self.refused.append((sample.name, str(reason)))
            return
        self._pack(draft, sample.name, sample.split, label, checked)

    def add_all(self, made: Drafted, split: SplitName | None) -> None:
        """Take in samples that were made of rows at once.

        Args:
            made: of rows.
            split: that their table declares.
        """
        hashes = {label: self._labelled(label, split) for label in dict.fromkeys(made.labels)}
        drawn = {label: self.drawn[number].append for label, number in hashes.items()}
        place, head, new_check, add = PLACES[split], HEAD.pack, CHECK.copy, self.packed.append
        for name, label, draft in zip(made.names, made.labels, made.drafts, strict=True):
            split_hash, digest, content, changes = draft
            hasher, encoded = new_check(), name.encode()
            hasher.update(content)
            check = int.from_bytes(hasher.digest(), "little")
            sizes = len(encoded), len(content)
            add(b"".join((head(digest, split_hash, hashes[label], check, place, *sizes), encoded, content)))
            if split is None or split == "train":
                drawn[label](split_hash)
            if changes:
                self.changes.update(changes)
        for label, count in Counter(made.labels).items():
            self.usable[hashes[label]] += count

    def cut(self, sample: RawSample, cut: Callable[[Payload], Iterator[Draft]]) -> None:
        """Read and check what is cut out of one sample; its label does not count.

        Args:
            sample: of a source.
            cut: makes drafts of it.
        """
        label = self._labelled("", sample.split)
        try:
            for number, draft in enumerate(cut(sample.payload), start=1):
                self._pack(draft, f"{sample.name}#{number}", sample.split, label, checked=True)
        except UnusableError as reason:
            self.refused.append((sample.name, str(reason)))

    def _labelled(self, name: str, split: SplitName | None) -> int:
        """Take note of a sample's label and declared split; return the label's hash."""
        label = label_hash(name)
        if label not in self.labels:
            self.labels[label], self.drawn[label] = name, []
        if split:
            self.declared.add(split)
        return label

    def _pack(self, draft: Draft, name: str, split: SplitName | None, label: int, checked: bool) -> None:
        split_hash, digest, content, changes = draft
        check = 0
        if checked:
            hasher = CHECK.copy()
            hasher.update(content)
            check = int.from_bytes(hasher.digest(), "little")
        self.packed.append(pack(digest, split_hash, label, split, name, content, check))
        self.usable[label] += 1
        if split is None or split == "train":
            self.drawn[label].append(split_hash)
        if changes:
            self.changes.update(changes)


@lru_cache(maxsize=4096)
def label_hash(label: str) -> int:
    """Return the number by which a label goes until all are known: BLAKE2b, 64 bits.

    Args:
        label: of a sample.
    """
    digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def decode_batch(batch: Batch, reader: AnyReader) -> Decoded:
    """Return what became of each sample of a batch: a packed one, or a refusal.

    Args:
        batch: samples as the source gives them.
        reader: of the workload.
    """
    decoded, read, checked = Decoded(), _reading(reader), isinstance(reader, LearningReader)
    cut = reader.cut if isinstance(reader, CuttingReader) else None

    def add(sample: RawSample) -> None:
        if cut is None:
            decoded.add(sample, read, checked)
        else:
            decoded.cut(sample, cut)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of decoders, about files that are odd and yet readable
        for item in batch:
            if isinstance(item, RawSample):
                add(item)
                continue
            if isinstance(reader, DraftingReader) and (drafted := reader.drafted(item)) is not None:
                decoded.add_all(drafted, item.split)
                continue
            for made in cast("RowReader", reader).unfold(item):
                if isinstance(made, RawSample):
                    add(made)
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


def decode(samples: Iterable[RawSample | Rows], reader: AnyReader, workers: Workers) -> Iterator[Decoded]:
    """Yield samples batch by batch, decoded, in their order, with a bounded number of batches under way.

    A single batch, and arrays of pixels, are decoded here: processes would take longer to start, or to be handed them.

    Args:
        samples: what to decode.
        reader: of samples.
        workers: for all others.

    Raises:
        DataError: a process was killed.
    """
    batches = _batches(samples, 0 if isinstance(reader, LearningReader) else size_of(reader.inputs))
    first = list(islice(batches, 2))
    work = partial(decode_batch, reader=reader)
    if len(first) < 2 or (isinstance(first[0][0], RawSample) and not isinstance(first[0][0].payload, bytes)):
        yield from map(work, chain(first, batches))
    else:
        yield from workers.in_order(work, chain(first, batches))


def _batches(samples: Iterable[RawSample | Rows], prepared_bytes: int) -> Iterator[Batch]:
    """Samples in batches that take no more than so much memory, be it before decoding or after."""
    batch: Batch = []
    count = size = 0
    for sample in samples:
        batch.append(sample)
        if isinstance(sample, Rows):
            count += len(sample.rows)
            size += sum(map(len, chain.from_iterable(sample.rows)))
        else:
            payload = sample.payload
            count += 1
            size += max(prepared_bytes, len(payload) if isinstance(payload, bytes) else payload.nbytes)
        if count >= BATCH_SAMPLES or size >= BATCH_BYTES:
            yield batch
            batch, count, size = [], 0, 0
    if batch:
        yield batch
