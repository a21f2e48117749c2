"""Look at a source before anything is trained on it: its classes and splits, and what cannot be used."""

from collections.abc import Mapping
from pathlib import Path

from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import Gathered, prepare
from tasks.records import Record
from tasks.samples import SPLITS, Refusal, SplitName, TensorSpec

DECLARED, HASHED = "the source", "a hash of each sample"


class SplitOverview(Record):
    """A split: how many samples of each class, and who decided which ones."""

    samples: int
    per_class: dict[str, int]
    decided_by: str


class Overview(Record):
    """A source as the line would use it.

    ``refused`` and ``kept_out`` list at most 1,000 samples each, the counts are of all. ``stops`` says why a run would
    not go on; None where it would.
    """

    source: str
    files: int
    workload: str
    inputs: tuple[TensorSpec, ...]
    classes: tuple[str, ...]
    splits: dict[SplitName, SplitOverview]
    read: int
    refused_samples: int
    refused: tuple[Refusal, ...]
    kept_out_samples: int
    kept_out: tuple[Refusal, ...]
    notes: tuple[str, ...]
    stops: str | None


def overview(data: Data, folder: Path) -> Overview:
    """Return what is in a source, read as the stage ``load`` reads it.

    Args:
        data: the part of params.yaml.
        folder: gets the prepared samples.

    Raises:
        SourceError: the source is missing, empty, unreachable or damaged.
        DataError: there are fewer than two classes, or nothing in a split.
    """
    listing = current_listing(data)
    seen: list[Gathered] = []
    tolerant = data.model_copy(update={"max_refused": 1.0})  # what is refused is what people want to see
    dataset = prepare(tolerant, listing, folder, seen.append)
    declared = seen[0].declared
    return Overview(
        source=listing.location,
        files=listing.files,
        workload=dataset.workload,
        inputs=dataset.inputs,
        classes=dataset.classes,
        splits={
            split: SplitOverview(
                samples=dataset.splits[split].samples,
                per_class=dataset.splits[split].per_class,
                decided_by=_decided_by(split, declared),
            )
            for split in SPLITS
        },
        read=dataset.read,
        refused_samples=dataset.refused_samples,
        refused=dataset.refused,
        kept_out_samples=dataset.kept_out_samples,
        kept_out=dataset.kept_out,
        notes=dataset.notes,
        stops=_why_it_stops(dataset.refused_samples, dataset.read, data.max_refused),
    )


def _decided_by(split: SplitName, declared: set[SplitName]) -> str:
    """Say who decided about a split: samples of a train folder may still go to splits that the source lacks."""
    if split in declared:
        return DECLARED
    return HASHED if split != "train" or not {"validation", "test"} <= declared else DECLARED


def _why_it_stops(refused: int, read: int, limit: float) -> str | None:
    if refused <= limit * read:
        return None
    return f"{refused:,} of {read:,} samples are unusable, more than data.max_refused, {limit:.2%}, allows."


def rows(found: Overview) -> list[Mapping[str, str]]:
    """Return a row for each class: its samples in each split; one for all where there are no classes.

    Args:
        found: in the source.
    """
    if not found.classes:
        return [{"Class": "all", **{split: f"{part.samples:,}" for split, part in found.splits.items()}}]
    return [
        {"Class": name, **{split: f"{part.per_class.get(name, 0):,}" for split, part in found.splits.items()}}
        for name in found.classes
    ]


def sentences(found: Overview) -> list[str]:
    """Return what was found, for a person.

    Args:
        found: in the source.
    """
    sizes = ", ".join(f"{spec.name} {spec.dtype} {' × '.join(map(str, spec.shape))}" for spec in found.inputs)
    return [
        f"{found.source}: {found.files:,} files, {found.read:,} samples read"
        f"{f', {len(found.classes)} classes' if found.classes else ''}",
        f"Each sample becomes {sizes}",
        *(f"{split}: {part.samples:,} samples, by {part.decided_by}" for split, part in found.splits.items()),
        f"Refused: {found.refused_samples:,}",
        *(f"  {each.file}: {each.reason}" for each in found.refused[:10]),
        *([f"  and {found.refused_samples - 10:,} more: --json lists them"] if found.refused_samples > 10 else []),
        f"Kept out, as each equals a sample of another split: {found.kept_out_samples:,}",
        *found.notes,
        *([f"A run would stop here: {found.stops}"] if found.stops else []),
    ]
