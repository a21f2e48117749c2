"""Streams of what tables hold: unpacked, and decoded as text, whatever the bytes are."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from tasks.errors import SourceError

CHUNK = 1 << 20
UNPACKERS: dict[str, Callable[[Any], Any]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

FIRST_OF_MARKS = {mark[:1] for mark, _ in MARKS}


def kind_of(path: str) -> tuple[str, str]:
    """Return the ending of a file's name without that of its compression, and the latter; both in lower case.

    Args:
        path: of the file.
    """
    _, *suffixes = path.rpartition("/")[2].lower().split(".")
    compression = suffixes.pop() if suffixes and suffixes[-1] in UNPACKERS else ""
    return (suffixes[-1] if suffixes else ""), compression


@contextmanager
def unpacked(stream: IO[bytes], compression: str) -> Iterator[IO[bytes]]:
    """Open the content of a stream that may be compressed.

    Args:
        stream: of the file.
        compression: as :func:`kind_of` tells it.

    Returns:
        a stream of the content.
    """
    opened = UNPACKERS[compression](stream) if compression else stream
    yield io.BufferedReader(opened, 1 << 18) if isinstance(opened, io.RawIOBase) else opened


@contextmanager
def damage_of(path: str) -> Iterator[None]:
    """Say of a file that it is damaged, or cut short.

    Args:
        path: of the file.

    Returns:
        nothing; errors of the block are told.

    Raises:
        SourceError: it is.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, UnicodeError, OSError) as error:
        raise SourceError(
            f"Expected {path} to be whole. Received: {error or type(error).__name__}. Make or fetch it again."
        ) from None


def encoding_of(start: bytes, default: str) -> str:
    """Return the encoding that a byte order mark says.

    Args:
        start: the first bytes of a text, four or more.
        default: where there is no mark.
    """
    if start[:1] not in FIRST_OF_MARKS:
        return default
    return next((name for mark, name in MARKS if start.startswith(mark)), default)


@contextmanager
def as_text(stream: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open a stream's text; a byte order mark goes before the encoding that is named. The stream stays open.

    Bytes that are none of an 8-bit encoding become lone surrogates (PEP 383), so that the row is known that holds them.

    Args:
        stream: of the content, from its start.
        encoding: where there is no mark.

    Returns:
        the text; line ends stay as they are.
    """
    buffered: Any = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    found = encoding_of(buffered.peek(4)[:4], encoding)
    errors = "strict" if found in ("utf-16", "utf-32") else "surrogateescape"
    text = io.TextIOWrapper(buffered, encoding=found, errors=errors, newline="")
    try:
        yield text
    finally:
        with suppress(ValueError):  # whoever opened the stream may have closed it, where not all of it was read
            text.detach()


def undecodable(text: str) -> bool:
    """Return whether bytes could not be decoded.

    Args:
        text: of :func:`as_text`.
    """
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return any("\udc80" <= character <= "\udcff" for character in text)
    return False
