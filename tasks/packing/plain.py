"""zstd frames: how a file is stored where nothing else is smaller."""

from collections.abc import Iterator
from typing import BinaryIO

from tasks.errors import PackingError

MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 19  # of all that is published; higher levels only cost memory
WINDOW = 1 << 27  # bytes; what unpacking may hold in memory
HEAD = 18  # bytes; the most that a frame says about itself
CHUNK = 1 << 20  # bytes at a time


def zstd(content: bytes) -> bytes:
    """One zstd frame, made on one thread.

    It carries the content's size and no checksum; the same content gives the same bytes.
    """
    from zstandard import ZstdCompressor

    return ZstdCompressor(level=LEVEL).compress(content)


def read_zstd(source: BinaryIO, limit: int) -> Iterator[bytes]:
    """What a frame holds, chunk by chunk.

    Raises:
        PackingError: it is no frame, cut off or damaged, or holds more than ``limit`` bytes.
    """
    from zstandard import ZstdDecompressor, ZstdError, get_frame_parameters

    size = 0
    try:
        declared = get_frame_parameters(source.read(HEAD)).content_size
        if declared > limit:
            raise PackingError(f"Expected a container of up to {limit:,} bytes. Received: a larger one.")
        source.seek(0)
        reader = ZstdDecompressor(max_window_size=WINDOW).stream_reader(source)
        while chunk := reader.read(CHUNK):
            size += len(chunk)
            if size > declared:
                break
            yield chunk
    except ZstdError as error:
        raise PackingError(f"Expected a whole zstd frame. Received: {error}. It is damaged.") from None
    if size != declared:
        raise PackingError(f"Expected a zstd frame of {declared:,} bytes. Received: {size:,}. It is cut off.")
