"""What the source lists now, as one digest: how the line knows, within moments, that there is nothing new."""

from pathlib import Path

from tasks.config import Data, Params
from tasks.data_loading.sources import open_source
from tasks.data_loading.sources.protocol import SourceListing
from tasks.errors import DataError
from tasks.records import read_record, write_record

SOURCE = Path("data/source.json")


def current_listing(data: Data) -> SourceListing:
    """List the source as it is now. Loads no TensorFlow and reads no sample.

    Raises:
        SourceError: it is missing, empty or unreachable.
    """
    return open_source(data.source).listing()


def source_changed(data: Data, recorded: Path = SOURCE) -> bool:
    """Whether the source lists something else than what was recorded, or nothing was.

    Raises:
        SourceError: it is missing, empty or unreachable.
    """
    listing = current_listing(data)
    try:
        return read_record(recorded, SourceListing) != listing
    except DataError:
        return True


def fingerprint(params: Params) -> None:
    """The stage: write the listing to ``data/source.json``."""
    listing = current_listing(params.data)
    write_record(SOURCE, listing)
    files = "1 file" if listing.files == 1 else f"{listing.files:,} files"
    print(f"source {listing.location}: {files}, digest {listing.digest[:12]}")
