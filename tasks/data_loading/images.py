"""From an encoded image or raw pixels to exactly the pixels that the model will see."""

import io
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from tasks.data_loading.jpeg import decode_plain
from tasks.data_loading.sources.protocol import Payload

# Formats that are opened. Pillow knows more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MAX_PIXELS = 64_000_000  # of one image; more is a mistake or an attack
GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N"})
UNBOUNDED_MODES = frozenset({"I", "F"})
EXIF_ORIENTATION = 0x0112


class UnusableImageError(Exception):
    """The image cannot be a sample; the message is the reason."""


@dataclass(frozen=True)
class Target:
    """What every image is brought to."""

    height: int
    width: int
    channels: Literal[1, 3]

    @property
    def mode(self) -> Literal["L", "RGB"]:
        """Pillow's name for it."""
        return "L" if self.channels == 1 else "RGB"


def open_image(payload: Payload) -> Image.Image:
    """Decode an image at its own size, upright, in 8 bits, grey (``L``) or colour (``RGB``).

    Of 16 bits the upper 8 are kept; what is transparent lies on white; of a moving picture it is the first one.

    Raises:
        UnusableImageError: it is corrupt, cut short, too large or of a kind that is not supported.
    """
    if not isinstance(payload, bytes):
        return _from_pixels(payload)
    if not payload:
        raise UnusableImageError("an empty file")
    if plain := decode_plain(payload, MAX_PIXELS):
        return plain
    try:
        with Image.open(io.BytesIO(payload), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnusableImageError(f"{image.width}×{image.height} pixels: at most {MAX_PIXELS:,} are expected")
            image.load()
            return _plain(image)
    except UnidentifiedImageError:
        raise UnusableImageError(f"no image of a known kind ({', '.join(FORMATS)}), or a damaged one") from None
    except Image.DecompressionBombError:
        raise UnusableImageError(f"more than {MAX_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, MemoryError) as error:
        # Pillow's decoders raise any of these on damaged files
        raise UnusableImageError(f"corrupt or cut short: {error or type(error).__name__}") from None


def fit(image: Image.Image, target: Target) -> Image.Image:
    """The image with the target's channels and size (bilinear, antialiased; the aspect is not kept).

    Returns:
        ``image`` itself where it fits already.
    """
    if image.mode != target.mode:
        image = image.convert(target.mode)
    if image.size != (target.width, target.height):
        image = image.resize((target.width, target.height), Image.Resampling.BILINEAR)
    return image


def _plain(image: Image.Image) -> Image.Image:
    if image.mode not in ("L", "RGB"):
        image = _eight_bits(image)
    if "exif" in image.info and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in UNBOUNDED_MODES:
        raise UnusableImageError(f"pixels of the mode {image.mode!r} have no fixed range: 8 or 16 bits are expected")
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.mode.startswith("I;16"):
        import numpy as np

        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert(mode)
    return image.convert(mode)


def _from_pixels(pixels: Payload) -> Image.Image:
    assert not isinstance(pixels, bytes)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if not pixels.size or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise UnusableImageError(f"pixels of the shape {list(pixels.shape)}: 1, 3 or 4 channels are expected")
    return _plain(Image.fromarray(pixels))
