import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tasks.workloads.image.opening import open_image
from tasks.workloads.protocol import UnusableError
from tests.tasks.data_loading.material import encoded, picture, pixels

GREY = Image.fromarray(pixels(1, channels=1)[:, :, 0])
COLOUR = Image.fromarray(pixels(2))


def values(image: Image.Image) -> list[int]:
    return list(np.asarray(image).reshape(-1))


def test_colour_and_grey_come_through_untouched() -> None:
    assert open_image(encoded(COLOUR, "PNG")).tobytes() == COLOUR.tobytes()
    assert open_image(encoded(GREY, "PNG")).tobytes() == GREY.tobytes()


def test_pixels_are_taken_as_they_are() -> None:
    assert open_image(pixels(3)).tobytes() == pixels(3).tobytes()
    assert open_image(pixels(3, channels=1)).mode == "L"
    assert open_image(pixels(3)[:, :, 0].copy()).mode == "L"


def test_sixteen_bits_keep_their_upper_eight() -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 65535]], np.uint16))
    for kind in ("PNG", "TIFF"):
        image = open_image(encoded(deep, kind))
        assert (image.mode, values(image)) == ("L", [0, 0, 1, 255])


def test_what_is_transparent_lies_on_white() -> None:
    clear = Image.new("RGBA", (1, 1), (10, 20, 30, 0))
    solid = Image.new("RGBA", (1, 1), (10, 20, 30, 255))
    assert values(open_image(encoded(clear, "PNG"))) == [255, 255, 255]
    assert values(open_image(encoded(solid, "PNG"))) == [10, 20, 30]
    assert open_image(encoded(Image.new("LA", (1, 1), (9, 255)), "PNG")).mode == "L"


def test_a_palette_gives_its_colours() -> None:
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([200, 100, 50])
    assert values(open_image(encoded(palette, "PNG"))) == [200, 100, 50]
    assert values(open_image(encoded(palette, "PNG", transparency=0))) == [255, 255, 255]


def test_black_and_white_and_print_colours_are_understood() -> None:
    assert values(open_image(encoded(Image.new("1", (1, 1), 1), "PNG"))) == [255]
    assert values(open_image(encoded(Image.new("CMYK", (1, 1), (0, 0, 0, 0)), "TIFF"))) == [255, 255, 255]


def test_a_photograph_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    for kind in ("JPEG", "PNG"):
        image = open_image(encoded(COLOUR, kind, exif=exif))
        assert (image.width, image.height) == (COLOUR.height, COLOUR.width)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (33, 17)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0, "quality": 95}])
def test_plain_jpeg_files_decode_as_pillow_decodes_them(
    mode: str, size: tuple[int, int], options: dict[str, object]
) -> None:
    content = encoded(COLOUR.resize(size).convert(mode), "JPEG", **options)
    with Image.open(io.BytesIO(content)) as reference:
        expected = reference.convert("L" if mode == "L" else "RGB")
    assert open_image(content).tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"])
def test_a_file_that_is_cut_short_is_refused(kind: str) -> None:
    whole = picture(5, kind, height=64, width=64)
    for part in (0.2, 0.5, 0.9):
        with pytest.raises(UnusableError):
            open_image(whole[: int(len(whole) * part)])


def test_whatever_byte_is_damaged_nothing_but_a_refusal_is_raised() -> None:
    whole = picture(6, "JPEG", height=32, width=32)
    refused = 0
    for at in range(len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        try:
            open_image(damaged)
        except UnusableError:
            refused += 1
    assert refused > 0


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    for side in (9_000, 60_000):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        with pytest.raises(UnusableError, match=r"64,000,000"):
            open_image(bomb)


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n"])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableError, match=r"empty|no image of a known kind"):
        open_image(content)


def test_values_without_a_range_are_refused() -> None:
    with pytest.raises(UnusableError, match="fixed range"):
        open_image(encoded(Image.new("F", (2, 2), 0.5), "TIFF"))
