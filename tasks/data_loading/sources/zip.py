"""Zip archives of class folders, read member by member: nothing is ever unpacked.

The table of contents is held in memory; for very many files a tar archive is the better choice.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from tasks.data_loading.sources.naming import clean, danger, file_item
from tasks.data_loading.sources.protocol import Folder, Item, RefusedSample
from tasks.errors import SourceError

ENCRYPTED = 0x1


def read_zip(file: IO[bytes], location: str) -> Iterator[Item]:
    """The members of a zip archive, in its order.

    Raises:
        SourceError: the archive is damaged or is none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if item := _item(archive, member):
                    yield item
    except zipfile.BadZipFile as error:
        raise SourceError(
            f"Expected {location} to be a whole zip archive. Received: {error}. Make or fetch it again."
        ) from None


def _item(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Item | None:
    name = clean(member.filename)
    if reason := danger(member.orig_filename) or danger(member.filename):
        return RefusedSample(name, reason)
    if stat.S_ISLNK(member.external_attr >> 16):
        return RefusedSample(name, "a link: archives must hold the files themselves")
    if member.is_dir():
        return Folder(name)
    if member.flag_bits & ENCRYPTED:
        return RefusedSample(name, "encrypted")
    try:
        return file_item(member.filename, member.file_size, lambda: archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
        return RefusedSample(name, f"damaged in the archive: {error}")
