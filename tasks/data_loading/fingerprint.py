"""One digest of what the source lists now, by which the line knows within moments that there is nothing new."""

from pathlib import Path

from tasks.config import Data, Params
from tasks.data_loading.kept_listings import keep
from tasks.data_loading.sources import open_source
from tasks.data_loading.sources.protocol import Entry, SourceListing
from tasks.files import to_json
from tasks.records import write_record

SOURCE = Path("data/source.json")


def current_listing(data: Data) -> SourceListing:
    """Return the source's listing as it is now, and keep what was listed. Loads no TensorFlow and reads no sample.

    Args:
        data: the part of params.yaml.

    Raises:
        SourceError: it is missing, empty or unreachable.
    """
    lines: list[bytes] = []

    def see(entry: Entry) -> None:
        lines.append(entry.line())

    listing = open_source(data.source).listing(see)
    keep(listing.digest, lines)
    return listing


def foresee_source(data: Data) -> dict[Path, bytes]:
    """Return the file that the stage would write now, by its path.

    Args:
        data: the part of params.yaml.

    Raises:
        SourceError: the source is missing, empty or unreachable.
    """
    return {SOURCE: to_json(current_listing(data).model_dump(mode="json")).encode()}


def explain_source(now: bytes, before: bytes | None) -> list[str]:
    """Return how a listing differs from the one that was last loaded, in sentences.

    Args:
        now: the file that the stage would write.
        before: the one that it has written; None where that is not known any more.
    """
    try:
        old = SourceListing.model_validate_json(before) if before is not None else None
    except ValueError:  # of another version of slimline
        old = None
    new = SourceListing.model_validate_json(now)
    if old is None or old.digest != new.digest:
        return ["data changed"]
    return [f"data.source is {new.location} now, it was {old.location}"]


def fingerprint(params: Params) -> None:
    """Write the listing to ``data/source.json``: the stage ``fingerprint``.

    Args:
        params: all of params.yaml.

    Raises:
        SourceError: the source is missing, empty or unreachable.
    """
    listing = current_listing(params.data)
    write_record(SOURCE, listing)
    files = "1 file" if listing.files == 1 else f"{listing.files:,} files"
    print(f"source {listing.location}: {files}, digest {listing.digest[:12]}")
