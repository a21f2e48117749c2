"""Tar archives of class folders, read as a stream: nothing is ever unpacked."""

import tarfile
import zlib
from collections.abc import Iterator
from typing import IO

from tasks.data_loading.sources.naming import clean, danger, file_item
from tasks.data_loading.sources.protocol import Folder, Item, RefusedSample
from tasks.errors import SourceError


class QuickTarInfo(tarfile.TarInfo):
    """A member whose header is read in a third of the time where it is of the plainest kind."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "QuickTarInfo":
        """Read a header of 512 bytes: a plain file with a short name here, all else by the standard library."""
        plain = buf[156:157] == tarfile.REGTYPE and buf[257:262] == b"ustar" and not buf[345]
        fields = buf[124:136].rstrip(b" \0"), buf[148:156].rstrip(b" \0")  # size and checksum, octal
        if not (plain and fields[0].isdigit() and fields[1].isdigit()):
            return super().frombuf(buf, encoding, errors)
        size, checksum = int(fields[0], 8), int(fields[1], 8)
        if checksum != sum(buf) - sum(buf[148:156]) + 8 * ord(" "):
            return super().frombuf(buf, encoding, errors)
        member = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors))
        member.size = size
        return member


def read_tar(stream: IO[bytes], location: str) -> Iterator[Item]:
    """The members of a tar archive, plain or compressed, in its order.

    Raises:
        SourceError: the archive is damaged or is none.
    """
    name = "its start"
    try:
        with tarfile.open(fileobj=stream, mode="r|*", tarinfo=QuickTarInfo) as archive:
            while member := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
                name = clean(member.name)
                if item := _item(archive, member):
                    yield item
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceError(
            f"Expected {location} to be a whole tar archive. Received: {error}, after {name}. Make or fetch it again."
        ) from None


def _item(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Item | None:
    if reason := danger(member.name):
        return RefusedSample(clean(member.name), reason)
    if member.issym() or member.islnk():
        return RefusedSample(clean(member.name), "a link: archives must hold the files themselves")
    if member.isdir():
        return Folder(clean(member.name))
    content = archive.extractfile(member) if member.isfile() else None
    if content is None:
        return RefusedSample(clean(member.name), "not a plain file")
    return file_item(member.name, member.size, content.read)
