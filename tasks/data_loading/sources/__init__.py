"""Sources of samples: one file per kind, each behind :class:`~tasks.data_loading.sources.protocol.Source`."""

from collections.abc import Callable
from pathlib import Path

from tasks.data_loading.sources.archive import ENDINGS, Archive, LocalFile, format_of
from tasks.data_loading.sources.cifar10 import Cifar10
from tasks.data_loading.sources.digits import Digits
from tasks.data_loading.sources.docstrings import Docstrings
from tasks.data_loading.sources.folder import ClassFolders
from tasks.data_loading.sources.http import open_http
from tasks.data_loading.sources.planted import Planted
from tasks.data_loading.sources.protocol import Source
from tasks.data_loading.sources.s3 import open_s3
from tasks.errors import SourceError

BUILT_IN: dict[str, Callable[[], Source]] = {
    "digits": Digits,
    "cifar10": Cifar10,
    "docstrings": Docstrings,
    "planted": Planted,
}
SCHEMES: dict[str, Callable[[str], Source]] = {
    "s3": open_s3,
    "http": open_http,
    "https": open_http,
}


def open_source(location: str) -> Source:
    """Return the source that ``data.source`` names; nothing is read yet.

    Args:
        location: as params.yaml has it.

    Raises:
        SourceError: there is no such file or folder, or no such kind of source.
    """
    if location in BUILT_IN:
        return BUILT_IN[location]()
    scheme, separator, _ = location.partition("://")
    if separator:
        if scheme in SCHEMES:
            return SCHEMES[scheme](location)
        raise SourceError(f"Expected {', '.join(SCHEMES)} before '://'. Received: {location}. Change data.source.")
    if Path(location).expanduser().is_dir():
        return ClassFolders(location)
    form = format_of(location)
    if form is None:
        raise SourceError(
            f"Expected {', '.join(BUILT_IN)}, a folder, or an archive or a table that ends in {ENDINGS}. "
            f"Received: {location}, which is none of them. Change data.source."
        )
    return Archive(LocalFile(location), form)
