"""The load stage: source → checked samples → splits → shards, with memory that does not grow with the data.

The source is streamed once. Prepared samples wait on disk in buckets by a digest of their pixels, and are then
written in the digests' order: the same samples in any order or packing give the same shards, byte by byte.
"""

import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tasks.config import Data, Params
from tasks.data_loading.bucket_sort import BucketWriter
from tasks.data_loading.contents import check_specs
from tasks.data_loading.decoding import AnyReader, Decoded, decode, label_hash
from tasks.data_loading.encoding import Encoder
from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.grouping import group
from tasks.data_loading.learned import learn, write_assets
from tasks.data_loading.load_summary import LoadSummary
from tasks.data_loading.sources import open_source
from tasks.data_loading.sources.archive import TEMPORARY
from tasks.data_loading.sources.protocol import SourceListing
from tasks.data_loading.strata import Splitter, Strata
from tasks.data_loading.tracking import expect_tracked
from tasks.data_loading.workers import Workers
from tasks.data_loading.writing import Labelling, write_splits
from tasks.errors import RefusedError, SourceError, UnfitError
from tasks.files import sync
from tasks.locking import locked, locked_if_free
from tasks.records import read_record, write_record
from tasks.samples import PREPARED, SPLITS, Dataset, SplitName
from tasks.workloads import find_workload, reading_of
from tasks.workloads.grouping import GroupingReader, MakesTargets, Shares
from tasks.workloads.items import Folder, Item, RawSample, RefusedSample, Rows
from tasks.workloads.protocol import LearnedReader, LearningReader, Reader

REASONS_SHOWN = 5
MODULES = (
    "tasks.data_loading.decoding",
    "tasks.data_loading.grouping",
    "tasks.data_loading.learned",
)  # of the work of other processes
LOCK = ".lock"


@dataclass
class Gathered:
    """The facts known once the source is read."""

    summary: LoadSummary
    strata: Strata
    names: dict[int, str] = field(default_factory=dict)  # by their hash, in the order in which they turned up
    usable: Counter[int] = field(default_factory=Counter)  # samples per label's hash
    declared: set[SplitName] = field(default_factory=set)

    def samples(self, items: Iterator[Item]) -> Iterator[RawSample | Rows]:
        """Yield what may be samples, and note what is none.

        Args:
            items: of the source.
        """
        for item in items:
            if isinstance(item, Folder):
                self.summary.folders.add(item.path)
            elif isinstance(item, RefusedSample):
                self.summary.refuse(item.name, item.reason)
            else:
                self.summary.fill(item.file if isinstance(item, Rows) else item.name)
                yield item

    def add(self, decoded: Decoded) -> None:
        """Take in what came of a batch.

        Args:
            decoded: what came of a batch.
        """
        self.summary.changes += decoded.changes
        self.names |= decoded.labels
        self.usable += decoded.usable
        self.declared |= decoded.declared
        for label, hashes in decoded.drawn.items():
            self.strata.add(label, hashes)
        for name, reason in decoded.refused:
            self.summary.refuse(name, reason)
        if decoded.rows is None:
            self.summary.use(len(decoded.packed))

    def labels(self) -> tuple[str, ...]:
        """Return the labels that usable samples have, numbers by their value and names by the alphabet."""
        names = [name for label, name in self.names.items() if self.usable[label]]
        return tuple(sorted(names, key=lambda name: (not name.isdecimal(), len(name) * name.isdecimal(), name)))


def load(params: Params) -> None:
    """Prepare the source that was fingerprinted, and say what came of it: the stage ``load``.

    Args:
        params: all of params.yaml.

    Raises:
        SourceError: the source is missing, empty or unreachable.
        RefusedError: more samples are refused than ``data.max_refused`` lets pass.
        UnfitError: a split would have no samples, or the labels are none of the outcome.
    """
    started = time.monotonic()
    expect_tracked(params.data)
    dataset = prepare(params.data, read_record(SOURCE, SourceListing))
    for note in dataset.notes:
        print(f"note: {note}")
    counts = ", ".join(f"{name} {part.samples:,}" for name, part in dataset.splits.items())
    classes = f" of {len(dataset.classes)} classes" if dataset.classes else ""
    print(
        f"{counts} samples{classes}; {dataset.refused_samples:,} refused, "
        f"{dataset.kept_out_samples:,} kept out; {time.monotonic() - started:.1f} s"
    )


def prepare(
    data: Data,
    listing: SourceListing,
    folder: Path = PREPARED,
    told: Callable[[Gathered], object] = lambda gathered: gathered,
) -> Dataset:
    """Read the source and write shards and ``dataset.json`` to ``folder``, all of it or nothing.

    Args:
        data: the part of params.yaml.
        listing: what the source listed when it was fingerprinted.
        folder: replaced as a whole at the end.
        told: is given what is known once the source is read.

    Returns:
        what ``dataset.json`` says.

    Raises:
        SourceError: the source is missing, empty, unreachable or damaged.
        RefusedError: more samples are unusable than ``data.max_refused``.
        UnfitError: the labels are none of the outcome or too few, nothing is in a split, or nothing can be learned.
        DataError: the workload's inputs cannot be kept, or it reads others than it names.
    """
    source = open_source(data.source)
    reading, target = reading_of(data.workload), find_workload(data.workload).outcome.target.name
    with _scratch(TEMPORARY, "buckets-") as scratch, _scratch(folder.parent, f".{folder.name}-") as made:
        with BucketWriter(scratch) as writer, Workers(modules=MODULES) as workers:
            given, items = reading.reader(data.options, source.items(reading.take_file(data.options)))
            if not isinstance(given, LearningReader):
                check_specs(given.inputs, target)
            gathered = _gather(items, given, data, writer, workers, scratch)
            told(gathered)
            _check(gathered, data)
            splitter = _splitter(gathered, data)
            reader = (
                learn(given, writer.finish(), splitter, data, workers) if isinstance(given, LearningReader) else given
            )
            check_specs(reader.inputs, target)
            dataset = _write(gathered, writer, reader, splitter, data, made, workers)
        if source.listing() != listing:
            note = "The source changed since it was fingerprinted; the next run reads it again."
            dataset = dataset.model_copy(update={"notes": (*dataset.notes, note)})
        write_record(made / "dataset.json", dataset)
        _replace(folder, made)
    return dataset


def _gather(
    items: Iterator[Item], reader: AnyReader, data: Data, writer: BucketWriter, workers: Workers, scratch: Path
) -> Gathered:
    """Read the whole source into buckets."""
    summary = LoadSummary(reading_of(data.workload).is_meant, find_workload(data.workload).things)
    gathered = Gathered(summary, Strata(data.split))
    samples = gathered.samples(items)
    if isinstance(reader, GroupingReader):
        made = group(samples, reader, Shares(data.split.validation, data.split.test), workers, scratch, summary)
    else:
        made = decode(samples, reader, workers)
    for decoded in made:
        gathered.add(decoded)
        writer.add(decoded.packed)
    gathered.summary.finish()
    return gathered


def _check(gathered: Gathered, data: Data) -> None:
    """Refuse a source of which too little can be used."""
    summary = gathered.summary
    if not summary.read:
        raise SourceError(
            f"Expected samples in {data.source}. Received: none. Put {_fitting(data)}, or change data.source."
        )
    if summary.refused.count > data.max_refused * summary.read:
        reasons = "\n".join(f"  {refusal.file}: {refusal.reason}" for refusal in summary.refused.first[:REASONS_SHOWN])
        raise RefusedError(
            f"Expected at most {data.max_refused:.2%} of the samples to be unusable (data.max_refused). "
            f"Received: {summary.refused.count:,} of {summary.read:,}, the first of them\n{reasons}\n"
            f"Mend or remove them, or raise the limit."
        )


def _fitting(data: Data) -> str:
    return f"{find_workload(data.workload).things} into {data.source} as {reading_of(data.workload).layout}"


def _write(
    gathered: Gathered,
    writer: BucketWriter,
    reader: Reader | LearnedReader,
    splitter: Splitter,
    data: Data,
    folder: Path,
    workers: Workers,
) -> Dataset:
    """Write the shards and describe them."""
    summary, labelling = gathered.summary, _labelling(gathered, data)
    encoder = Encoder(reader, labelling.target)
    splits, digest = write_splits(writer.finish(), folder, data, encoder, labelling, splitter, summary, workers)
    for split in SPLITS:
        if not splits[split].samples:
            raise UnfitError(
                f"Expected samples in the {split} split. Received: none of {summary.used:,}. "
                f"Add data, or change data.split."
            )
    return Dataset(
        workload=data.workload,
        source_digest=digest,
        classes=labelling.classes,
        inputs=reader.inputs,
        target=reader.target if isinstance(reader, MakesTargets) else find_workload(data.workload).outcome.target,
        assets=write_assets(reader.assets if isinstance(reader, LearnedReader) else {}, folder),
        splits=splits,
        read=summary.read,
        refused_samples=summary.refused.count,
        refused=tuple(summary.refused.first),
        kept_out_samples=summary.kept_out.count,
        kept_out=tuple(summary.kept_out.first),
        notes=(
            *summary.notes(reader.tell(summary.changes)),
            *(f"The class {name} has no usable sample." for name in _missing(gathered, labelling)),
            *(
                f"The class {name} has no sample in the {split} split."
                for split in SPLITS
                for name, count in splits[split].per_class.items()
                if not count
            ),
        ),
    )


def _splitter(gathered: Gathered, data: Data) -> Splitter:
    """Find out how the splits are drawn: samples of rare classes so that each split has its share of them."""
    strata, known = gathered.strata, frozenset(gathered.declared)
    classes = find_workload(data.workload).outcome.classes(gathered.labels())
    return Splitter(known, data.split, strata.moved(known) if classes else {})


def _labelling(gathered: Gathered, data: Data) -> Labelling:
    """Find out what the labels of the source stand for.

    Raises:
        UnfitError: one stands for nothing, or they are too few.
    """
    outcome, labels = find_workload(data.workload).outcome, gathered.labels()
    try:
        targets = outcome.targets(labels)
    except ValueError as error:
        raise UnfitError(
            f"Expected labels in {data.source} that are targets of {outcome.name}. Received: {error}."
        ) from None
    except UnfitError as error:
        raise UnfitError(f"{error} Put {_fitting(data)}.") from None
    hashes = {label: label_hash(label) for label in labels}
    return Labelling(
        classes=outcome.classes(labels),
        labels={number: label for label, number in hashes.items()},
        targets={number: targets[label] for label, number in hashes.items()},
        target=outcome.target.name,
    )


def _missing(gathered: Gathered, labelling: Labelling) -> list[str]:
    """List the classes that have no usable sample."""
    return sorted(set(gathered.names.values()) - set(labelling.classes)) if labelling.classes else []


@contextmanager
def _scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """A temporary folder, removed at the end; one that a killed run left behind is removed at the start.

    Who works in a folder holds the lock beside it: folders of other processes, which are at work too, stay.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for name in {path.name.removesuffix(LOCK) for path in parent.glob(f"{prefix}*")}:
        with locked_if_free(parent / f"{name}{LOCK}") as free:
            if free:
                shutil.rmtree(parent / name, ignore_errors=True)
    folder = parent / f"{prefix}{uuid.uuid4().hex}"
    lock = parent / f"{folder.name}{LOCK}"
    with locked(lock):
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _replace(folder: Path, made: Path) -> None:
    """Put what was made in the place of what is there."""
    made.chmod(0o755)
    sync(made)
    last = folder.parent / f".{folder.name}{LOCK}"
    with locked(last), _scratch(folder.parent, f".old-{folder.name}-") as old:
        if folder.exists():
            folder.replace(old / folder.name)
        made.replace(folder)
        last.unlink(missing_ok=True)
    sync(folder.parent)
