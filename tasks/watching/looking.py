"""A look at a source: its listing, and what its names tell. No sample is read."""

from collections import Counter
from collections.abc import Callable, Mapping

from tasks.config import Data
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.kept_listings import read_kept, size_in
from tasks.data_loading.sources.protocol import SourceListing
from tasks.watching.records import SourceState
from tasks.workloads import find_workload, reading_of
from tasks.workloads.items import RawSample, SourceFile

MOST_CLASSES = 10_000  # that are counted by name; more are no classes
ClassOf = Callable[[str, int], str | None]  # of a path and a size in bytes


def look(data: Data) -> SourceState:
    """Return what a source has now; the listing is kept, so that a later one can be compared with it.

    Args:
        data: the part of params.yaml.

    Raises:
        SourceError: it is missing, empty or unreachable.
    """
    return state_of(current_listing(data), data)


def state_of(listing: SourceListing, data: Data) -> SourceState:
    """Return what the names in a listing tell, as far as it is kept.

    Args:
        listing: of the source.
        data: the part of params.yaml.
    """
    files = read_kept(listing.digest)
    if files is None:
        return SourceState(listing=listing, bytes=None, classes=None)
    sizes = [size_in(known) for known in files.values()]
    return SourceState(
        listing=listing,
        bytes=sum(sizes) if min(sizes, default=0) >= 0 else None,
        classes=count_classes(files, class_of(data)),
    )


def count_classes(files: Mapping[str, str], class_name: ClassOf) -> dict[str, int] | None:
    """Count the files of each class.

    Args:
        files: as :func:`tasks.data_loading.kept_listings.read_kept` gives them.
        class_name: gives a file's class; None of one that has none.

    Returns:
        None where names do not tell classes.
    """
    found: Counter[str] = Counter()
    for path, known in files.items():
        if name := class_name(path, max(0, size_in(known))):
            found[name] += 1
    return dict(sorted(found.items())) if 0 < len(found) <= MOST_CLASSES else None


def class_of(data: Data) -> ClassOf:
    """Return the function that tells a file's class by its name alone, as the stage ``load`` does.

    Args:
        data: the part of params.yaml.
    """
    outcome, take = find_workload(data.workload).outcome, reading_of(data.workload).take_file(data.options)

    def class_name(path: str, size: int) -> str | None:
        try:
            labels = [item.label for item in take(SourceFile(path, size, bytes)) if isinstance(item, RawSample)]
        except Exception:  # a workload of a user's own that reads labels out of the content finds none
            return None
        return labels[0] if len(labels) == 1 and outcome.classes(labels) else None

    return class_name
