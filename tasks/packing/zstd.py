"""zstd frames: how a file is stored where nothing else is smaller."""

from collections.abc import Iterator
from typing import BinaryIO

from tasks.errors import PackingError

MAGIC = b"\x28\xb5\x2f\xfd"
LEVEL = 19  # of all that is published; higher levels only cost memory
WINDOW = 1 << 27  # bytes; what unpacking may hold in memory
HEAD = 18  # bytes; the most that a frame says about itself
CHUNK = 1 << 20  # bytes at a time


def compress_zstd(content: bytes) -> bytes:
    """Return one zstd frame, made on one thread.

    It carries the content's size and no checksum; the same content gives the same bytes.

    Args:
        content: of any length.
    """
    from backports.zstd import compress

    return compress(content, LEVEL)


def decompress_zstd(source: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield what a frame holds, chunk by chunk.

    Args:
        source: begins with the frame.
        limit: bytes that it may hold.

    Raises:
        PackingError: it is no frame, cut off or damaged, or holds more than ``limit`` bytes.
    """
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError, get_frame_info

    size = 0
    try:
        declared = get_frame_info(source.read(HEAD)).decompressed_size
        if declared is None:
            raise PackingError("Expected a zstd frame that names its size. Received: one that does not. Pack it again.")
        if declared > limit:
            raise PackingError(f"Expected a container of up to {limit:,} bytes. Received: a larger one.")
        source.seek(0)
        decompressor = ZstdDecompressor(options={DecompressionParameter.window_log_max: WINDOW.bit_length() - 1})
        while not decompressor.eof:
            packed = source.read(CHUNK) if decompressor.needs_input else b""
            if not packed and decompressor.needs_input:
                break
            chunk = decompressor.decompress(packed, CHUNK)
            size += len(chunk)
            if size > declared:
                break
            if chunk:
                yield chunk
    except ZstdError as error:
        raise PackingError(f"Expected a whole zstd frame. Received: {error}. It is damaged.") from None
    if size != declared:
        raise PackingError(f"Expected a zstd frame of {declared:,} bytes. Received: {size:,}. It is cut off.")
