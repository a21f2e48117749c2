"""Bring an image to what a model takes: the same way when data is prepared and when a model is asked."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
EXIF_ORIENTATION = 0x0112


def plain(image: "Image") -> "Image":
    """An image in 8 bits, grey (``L``) or colour (``RGB``), opaque and upright, at its own size.

    Of 16 bits the upper 8 are kept, what is transparent lies on white, and a photograph is turned as its Exif says.

    Args:
        image: as Pillow has opened it.

    Returns:
        ``image`` itself where it is so already.
    """
    from PIL import Image, ImageOps

    mode = "L" if image.mode in GREY_MODES else "RGB"
    if "exif" in image.info and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # Pillow alone would clip
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == mode else image.convert(mode)


def fit(image: "Image", height: int, width: int, channels: int) -> "Image":
    """Bring a plain image to a size in pixels and to grey (1 channel) or colour (3).

    Colour becomes grey by ITU-R 601-2 luma, grey becomes colour by repetition. Each side is brought to its size
    for itself, bilinear with support scaled to the reduction (``BILINEAR``).

    Args:
        image: as :func:`plain` gives it.
        height: in pixels.
        width: in pixels.
        channels: 1 or 3.

    Returns:
        ``image`` itself where it fits already.
    """
    from PIL.Image import Resampling

    mode = MODES[channels]
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (width, height):
        image = image.resize((width, height), Resampling.BILINEAR)
    return image
