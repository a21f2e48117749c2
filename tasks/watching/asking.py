"""The changes of a source that a person is asked about before anything is trained."""

from collections.abc import Mapping

from tasks.samples import Dataset
from tasks.watching.comparison import changed_classes, listed
from tasks.watching.records import SourceState, TrainedOn


def reasons_by_name(before: TrainedOn, now: SourceState, max_shrink: float) -> tuple[str, ...]:
    """Return why a person is asked, as far as the names in a listing tell.

    Args:
        before: what was trained on last.
        now: what is there.
        max_shrink: fraction of the files, or of an archive's bytes, that may be gone.
    """
    was, reasons = before.state, _of_classes(before.state.classes, now.classes)
    if was.classes is not None and now.classes is not None:
        reasons += _of_size(sum(was.classes.values()), sum(now.classes.values()), "files", max_shrink)
    elif was.listing.files == now.listing.files == 1 and was.bytes is not None and now.bytes is not None:
        reasons += _of_size(was.bytes, now.bytes, "bytes", max_shrink)
    else:
        reasons += _of_size(was.listing.files, now.listing.files, "files", max_shrink)
    return tuple(reasons)


def reasons_by_content(before: TrainedOn, dataset: Dataset, max_shrink: float) -> tuple[str, ...]:
    """Return why a person is asked, as the samples tell that can be used.

    Args:
        before: what was trained on last.
        dataset: what was loaded now.
        max_shrink: fraction of the samples that may be gone.
    """
    now = samples_of_classes(dataset)
    reasons = _of_classes(before.classes, now) if before.classes and now else []
    return (*reasons, *_of_size(before.samples, samples_of(dataset), "samples", max_shrink))


def samples_of(dataset: Dataset) -> int:
    """Return the number of samples of all splits.

    Args:
        dataset: that was prepared.
    """
    return sum(part.samples for part in dataset.splits.values())


def samples_of_classes(dataset: Dataset) -> dict[str, int]:
    """Return the number of samples of each class, of all splits; empty where there are no classes.

    Args:
        dataset: that was prepared.
    """
    return {name: sum(part.per_class.get(name, 0) for part in dataset.splits.values()) for name in dataset.classes}


def _of_classes(before: Mapping[str, int] | None, now: Mapping[str, int] | None) -> list[str]:
    new, vanished = changed_classes(before, now)
    reasons = []
    if new:
        reasons.append(f"{_classes(len(new))} new: {listed(new, len(new))}.")
    if vanished:
        reasons.append(f"{_classes(len(vanished))} gone: {listed(vanished, len(vanished))}.")
    return reasons


def _classes(count: int) -> str:
    return "A class is" if count == 1 else f"{count:,} classes are"


def _of_size(before: int, now: int, what: str, max_shrink: float) -> list[str]:
    if before <= 0 or before - now <= max_shrink * before:
        return []
    return [f"{(before - now) / before:.0%} of the {what} are gone ({before:,}, now {now:,}; watch.max_shrink)."]
