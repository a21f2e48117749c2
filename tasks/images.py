"""How an image becomes what a model takes: the same way when data is prepared and when a model is asked."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}


def to_pixels(image: "Image", height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Bring an image to a size and to grey or colour.

    Colour becomes grey by ITU-R 601-2 luma, grey becomes colour by repetition, transparency is dropped. Each
    side is brought to its size for itself, bilinear with support scaled to the reduction (``BILINEAR``).

    Args:
        image: any image that Pillow opened.
        height: of the result, in pixels.
        width: of the result, in pixels.
        channels: of the result, 1 or 3.

    Returns:
        uint8 ``[height, width, channels]``.
    """
    from PIL.Image import Resampling

    mode = MODES[channels]
    if image.mode != mode:
        if image.mode == "P":
            image = image.convert("RGBA")  # straight to colour, Pillow warns of its transparency
        elif image.mode.startswith("I;16"):
            image = image.convert("I").point(lambda grey: grey * (1 / 256))  # Pillow alone would clip
        image = image.convert(mode)
    if image.size != (width, height):
        image = image.resize((width, height), Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(height, width, channels)
