import io
import os

import pytest
from zstandard import ZstdDecompressor, get_frame_parameters

from tasks.errors import PackingError
from tasks.packing.zstd import compress_zstd, decompress_zstd


def test_compressing_loses_nothing_and_names_the_size() -> None:
    content = b"slim" * 50_000
    packed = compress_zstd(content)
    assert len(packed) < 1000
    assert ZstdDecompressor().decompress(packed) == content
    assert get_frame_parameters(packed).content_size == len(content)
    assert compress_zstd(content) == packed
    assert b"".join(decompress_zstd(io.BytesIO(packed), len(content))) == content


def test_a_frame_that_holds_more_than_it_may_is_given_up_early() -> None:
    chunks = decompress_zstd(io.BytesIO(compress_zstd(bytes(1 << 28))), 100)
    with pytest.raises(PackingError, match="up to 100 bytes"):
        next(chunks)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(PackingError, match="whole zstd frame"):
        list(decompress_zstd(io.BytesIO(b"no zstd at all"), 100))
    with pytest.raises(PackingError, match="cut off"):
        list(decompress_zstd(io.BytesIO(compress_zstd(os.urandom(1000))[:500]), 1000))
