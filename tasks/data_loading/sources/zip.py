"""Zip archives of class folders, read member by member: nothing is ever unpacked.

The table of contents is held in memory; for very many files a tar archive is the better choice.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from tasks.errors import SourceError
from tasks.paths import clean, danger
from tasks.workloads.items import Folder, Item, RefusedSample, SourceFile, TakeFile

ENCRYPTED = 0x1


def read_zip(file: IO[bytes], location: str, take: TakeFile) -> Iterator[Item]:
    """Yield what the members of a zip archive are, in its order.

    Args:
        file: the archive, open.
        location: of the archive, for messages.
        take: how a file becomes samples.

    Raises:
        SourceError: the archive is damaged or is none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                yield from _items(archive, member, take)
    except zipfile.BadZipFile as error:
        raise SourceError(
            f"Expected {location} to be a whole zip archive. Received: {error}. Make or fetch it again."
        ) from None


def _items(archive: zipfile.ZipFile, member: zipfile.ZipInfo, take: TakeFile) -> Iterator[Item]:
    name = clean(member.filename)
    if reason := danger(member.orig_filename) or danger(member.filename):
        yield RefusedSample(name, reason)
    elif stat.S_ISLNK(member.external_attr >> 16):
        yield RefusedSample(name, "a link: archives must hold the files themselves")
    elif member.is_dir():
        yield Folder(name)
    elif member.flag_bits & ENCRYPTED:
        yield RefusedSample(name, "encrypted")
    else:
        try:
            read, stream = partial(archive.read, member), partial(archive.open, member)
            yield from take(SourceFile(member.filename, member.file_size, read, stream))
        except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
            yield RefusedSample(name, f"damaged in the archive: {error}")
