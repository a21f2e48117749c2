import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasks.workloads.image.pixels import fit, plain


def to_pixels(image: Image.Image, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """The pixels of an image as a sample has them."""
    return np.asarray(fit(plain(image), height, width, channels), np.uint8).reshape(height, width, channels)


def test_pixels_of_the_right_shape_stay_as_they_are() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(to_pixels(Image.fromarray(pixels), 5, 7, 3), pixels)


def test_height_and_width_are_not_confused() -> None:
    assert to_pixels(Image.new("RGB", (8, 6)), 2, 5, 3).shape == (2, 5, 3)


def test_grey_is_repeated_into_colour() -> None:
    assert to_pixels(Image.new("L", (1, 1), 77), 1, 1, 3).ravel().tolist() == [77, 77, 77]


def test_colour_becomes_luma() -> None:
    assert to_pixels(Image.new("RGB", (1, 1), (255, 0, 0)), 1, 1, 1).item() == 76


def test_sixteen_bit_grey_keeps_its_range() -> None:
    image = Image.fromarray(np.array([[0, 256, 65535]], np.uint16))
    assert to_pixels(image, 1, 3, 1).ravel().tolist() == [0, 1, 255]


def test_a_palette_with_transparency_is_read_without_a_warning() -> None:
    image = Image.new("RGB", (2, 2), (10, 200, 30)).convert("P")
    image.info["transparency"] = b"\x00\x01"
    assert to_pixels(image, 2, 2, 3).shape == (2, 2, 3)


@pytest.mark.parametrize("mode", ["1", "LA", "RGBA", "CMYK", "I", "F", "YCbCr"])
def test_every_mode_of_pillow_is_brought_to_colour(mode: str) -> None:
    assert to_pixels(Image.new(mode, (3, 3)), 2, 2, 3).dtype == np.uint8


def test_what_is_transparent_lies_on_white() -> None:
    assert to_pixels(Image.new("RGBA", (1, 1), (10, 20, 30, 0)), 1, 1, 3).ravel().tolist() == [255, 255, 255]
    assert to_pixels(Image.new("RGBA", (1, 1), (10, 20, 30, 255)), 1, 1, 3).ravel().tolist() == [10, 20, 30]


def test_a_photograph_taken_sideways_is_turned_upright() -> None:
    image = Image.new("RGB", (8, 6))
    image.getexif()[0x0112] = 6  # the camera was turned by a quarter
    image.info["exif"] = image.getexif().tobytes()
    assert plain(image).size == (6, 8)


def test_what_is_plain_and_fits_is_left_alone() -> None:
    image = Image.new("L", (8, 6))
    assert plain(image) is image
    assert fit(image, 6, 8, 1) is image
