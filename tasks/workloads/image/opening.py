"""Open an encoded image or raw pixels as a plain image, or say why it cannot be a sample."""

import io

from PIL import Image, UnidentifiedImageError

from tasks.workloads.image.jpeg import decode_plain
from tasks.workloads.image.pixels import plain
from tasks.workloads.items import Payload
from tasks.workloads.protocol import UnusableError

# Formats that are opened. Pillow knows more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
MAX_PIXELS = 64_000_000  # of one image; more is a mistake or an attack
UNBOUNDED_MODES = frozenset({"I", "F"})


def open_image(payload: Payload) -> Image.Image:
    """Return an image, decoded and :func:`~tasks.workloads.image.pixels.plain`; of a moving picture the first one.

    Args:
        payload: an encoded file, or pixels.

    Raises:
        UnusableError: it is corrupt, cut short, too large or of a kind that is not supported.
    """
    if not isinstance(payload, bytes):
        return _from_pixels(payload)
    if not payload:
        raise UnusableError("an empty file")
    if quickly := decode_plain(payload, MAX_PIXELS):
        return quickly
    try:
        with Image.open(io.BytesIO(payload), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnusableError(f"{image.width}×{image.height} pixels: at most {MAX_PIXELS:,} are expected")
            if image.mode in UNBOUNDED_MODES:
                raise UnusableError(f"pixels of the mode {image.mode!r} have no fixed range: save 8 or 16 bits")
            image.load()
            return plain(image)
    except UnidentifiedImageError:
        raise UnusableError(f"no image of a known kind ({', '.join(FORMATS)}), or a damaged one") from None
    except Image.DecompressionBombError:
        raise UnusableError(f"more than {MAX_PIXELS:,} pixels") from None
    except (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, MemoryError) as error:
        # Pillow's decoders raise any of these on damaged files
        raise UnusableError(f"corrupt or cut short: {error or type(error).__name__}") from None


def _from_pixels(pixels: Payload) -> Image.Image:
    assert not isinstance(pixels, bytes)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if not pixels.size or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise UnusableError(f"pixels of the shape {list(pixels.shape)}: 1, 3 or 4 channels are expected")
    return plain(Image.fromarray(pixels))
