"""Tar archives of class folders, read as a stream: nothing is ever unpacked."""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any

from tasks.errors import SourceError
from tasks.files import CHUNK
from tasks.paths import clean, danger
from tasks.workloads.items import Folder, Item, RefusedSample, SourceFile, TakeFile

COMPRESSIONS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


class StrictTarInfo(tarfile.TarInfo):
    """A member's header: quick to read if it is of the plainest kind, and never taken for the end if it is damaged.

    The standard library takes a damaged header after the first one, and an archive without its end mark, for the
    end; the samples behind it would be missing silently.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "StrictTarInfo":
        """Return the header in 512 bytes.

        Args:
            buf: of the archive.
            encoding: of names.
            errors: how names that are not in that encoding are read.

        Raises:
            ReadError: it is none, or the archive ends there.
        """
        if len(buf) != tarfile.BLOCKSIZE:
            raise tarfile.ReadError("it ends without an end mark")
        if member := cls._plain(buf, encoding, errors):
            return member
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.InvalidHeaderError as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"a damaged header ({error})") from None

    @classmethod
    def _plain(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "StrictTarInfo | None":
        """A plain file with a short name, in a third of the library's time; None for everything else."""
        fields = buf[124:136].rstrip(b" \0"), buf[148:156].rstrip(b" \0")  # size and checksum, octal
        if buf[156:157] != tarfile.REGTYPE or buf[257:262] != b"ustar" or buf[345]:
            return None
        if not (fields[0].isdigit() and fields[1].isdigit()):
            return None
        if int(fields[1], 8) != sum(buf) - sum(buf[148:156]) + 8 * ord(" "):
            return None
        member = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors))
        member.size = int(fields[0], 8)
        return member


def read_tar(stream: IO[bytes], location: str, take: TakeFile) -> Iterator[Item]:
    """Yield what the members of a tar archive are, plain or compressed, in its order.

    Args:
        stream: of the archive's bytes.
        location: of the archive, for messages.
        take: how a file becomes samples.

    Raises:
        SourceError: the archive is damaged, cut short or none.
    """
    last = "its start"
    try:
        with _decompressed(stream) as content:
            with tarfile.open(fileobj=content, mode="r|", tarinfo=StrictTarInfo) as archive:
                while member := archive.next():
                    archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
                    last = clean(member.name)
                    yield from _items(archive, member, take)
            while content.read(CHUNK):
                pass  # up to the checksum of what was compressed
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise SourceError(
            f"Expected {location} to be a whole tar archive. Received: {error}, after {last}. Make or fetch it again."
        ) from None


@contextmanager
def _decompressed(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a stream of the content, whatever it was compressed with."""
    buffered: Any = io.BufferedReader(stream, 1 << 16)
    try:
        start = buffered.peek(8)
        opened = next((opened for mark, opened in COMPRESSIONS.items() if start.startswith(mark)), None)
        yield opened(buffered) if opened else buffered
    finally:
        buffered.detach()  # the stream is its owner's to close


def _items(archive: tarfile.TarFile, member: tarfile.TarInfo, take: TakeFile) -> Iterator[Item]:
    if reason := danger(member.name):
        yield RefusedSample(clean(member.name), reason)
    elif member.issym() or member.islnk():
        yield RefusedSample(clean(member.name), "a link: archives must hold the files themselves")
    elif member.isdir():
        yield Folder(clean(member.name))
    elif not member.isfile():
        yield RefusedSample(clean(member.name), "not a plain file")
    else:
        read, stream = partial(_content, archive, member), partial(_stream, archive, member)
        yield from take(SourceFile(member.name, member.size, read, stream))


def _stream(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """Open a member's content, while the archive's stream stands at its first byte."""
    if member.issparse() or archive.fileobj is None:
        return io.BytesIO(_content(archive, member))
    return io.BufferedReader(_Member(archive.fileobj, member.size), 1 << 16)


class _Member(io.RawIOBase):
    """The bytes of a member, one after the other: an archive that is a stream cannot go back."""

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._left)
        content = self._file.read(count)
        if len(content) != count:
            raise tarfile.ReadError("unexpected end of data")
        buffer[:count] = content
        self._left -= count
        return count


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """A member's content, while the stream stands at its first byte."""
    if member.issparse() or archive.fileobj is None:
        file = archive.extractfile(member)
        return file.read() if file else b""
    content = archive.fileobj.read(member.size)  # what extractfile does, without an object of five layers
    if len(content) != member.size:
        raise tarfile.ReadError("unexpected end of data")
    return content
