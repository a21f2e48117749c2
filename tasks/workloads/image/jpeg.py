"""Plain JPEG files decoded without Pillow's file parser, which takes twice as long as the decoder for small images."""

from typing import NamedTuple

from PIL import Image

START = b"\xff\xd8"
FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive, all of them Huffman coded
# tables, restart interval, comment, and the JFIF mark; Exif (orientation) and Adobe (colour space) are not plain
PLAIN = frozenset({0xC4, 0xDB, 0xDD, 0xFE, 0xE0})


class Frame(NamedTuple):
    """The content of a JPEG file's frame header."""

    width: int
    height: int
    components: int


def frame_of(content: bytes) -> Frame | None:
    """Return the frame header of a plain 8-bit JPEG file, or None if it is anything else.

    Segments are laid out as ITU-T T.81, annex B has them.

    Args:
        content: of the file.
    """
    if content[:2] != START:
        return None
    at = 2
    while content[at : at + 1] == b"\xff" and at + 9 < len(content):
        marker = content[at + 1]
        if marker in FRAMES:
            height, width = int.from_bytes(content[at + 5 : at + 7]), int.from_bytes(content[at + 7 : at + 9])
            return Frame(width, height, content[at + 9]) if content[at + 4] == 8 else None
        if marker not in PLAIN:
            return None
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def decode_plain(content: bytes, max_pixels: int) -> Image.Image | None:
    """Return the image of a plain JPEG file; None if it is anything else, larger or damaged, which Pillow tells apart.

    Args:
        content: of the file.
        max_pixels: of a larger image nothing is decoded.
    """
    frame = frame_of(content)
    if frame is None or not 0 < frame.width * frame.height <= max_pixels or frame.components not in (1, 3):
        return None
    mode = "L" if frame.components == 1 else "RGB"
    try:
        return Image.frombytes(mode, (frame.width, frame.height), content, "jpeg", (mode, ""))
    except (ValueError, OSError):
        return None
