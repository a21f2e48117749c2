"""Read images as samples: each one is opened, made plain and brought to one size."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.errors import DataError
from tasks.samples import Specs
from tasks.workloads.class_folders import ClassFiles
from tasks.workloads.image.opening import open_image
from tasks.workloads.image.pixels import MODES, fit
from tasks.workloads.image.settings import IMAGE, ImageSettings
from tasks.workloads.items import Item, Payload, RawSample, RefusedSample, TakeFile
from tasks.workloads.protocol import Array, Example, TensorSpec, UnusableError

KEY = b"slimline: place of a sample among the splits"  # of the keyed hash; another one would deal all samples anew
FILES = ClassFiles(
    "an image file",
    frozenset({"jpg", "jpeg", "jpe", "png", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "pbm", "pnm"}),
    64 << 20,
)
RESIZED, RECOLOURED = "resized", "recoloured"


@dataclass(frozen=True)
class ImageReader:
    """Brings every image to one size in pixels, grey (1 channel) or colour (3)."""

    height: int
    width: int
    channels: Literal[1, 3]

    @property
    def inputs(self) -> Specs:
        """One: the image's pixels."""
        shape = (self.height, self.width, self.channels)
        return (TensorSpec(name=IMAGE, dtype="uint8", shape=shape, low=0, high=255),)

    def read(self, payload: Payload) -> Example:
        """Read an encoded image, or its pixels.

        The hash that decides the split is of the image as it was decoded, whatever it is brought to.

        Raises:
            UnusableError: it is corrupt, cut short, too large or of a kind that is not supported.
        """
        image = open_image(payload)
        pixels = image.tobytes()
        split_hash = hash_of(image.mode, image.size, pixels)
        fitted = fit(image, self.height, self.width, self.channels)
        if fitted is image:
            return Example(split_hash, self._given(pixels))
        changes = ((RESIZED, image.size != fitted.size), (RECOLOURED, image.mode != fitted.mode))
        return Example(split_hash, self._given(fitted.tobytes()), tuple(name for name, changed in changes if changed))

    def _given(self, pixels: bytes) -> dict[str, Array]:
        return {IMAGE: np.frombuffer(pixels, np.uint8).reshape(self.height, self.width, self.channels)}

    def tell(self, changes: Counter[str]) -> list[str]:
        """Say how many images were resized and recoloured."""
        notes = []
        if changes[RESIZED]:
            notes.append(f"{changes[RESIZED]:,} images were resized to {self.height}×{self.width}.")
        if changes[RECOLOURED]:
            notes.append(f"{changes[RECOLOURED]:,} images were turned from grey to colour or from colour to grey.")
        return notes


def hash_of(mode: str, size: tuple[int, int], pixels: bytes) -> int:
    """Return BLAKE2b of a decoded image, 64 bits: of Pillow's mode and size, and the pixels.

    Args:
        mode: ``L`` or ``RGB``.
        size: width and height.
        pixels: in rows from the top.
    """
    digest = hashlib.blake2b(f"{mode} {size[0]} {size[1]} ".encode(), digest_size=8, key=KEY)
    digest.update(pixels)
    return int.from_bytes(digest.digest(), "little")


def settle_size(wanted: ImageSettings, items: Iterator[Item]) -> tuple[ImageReader, Iterator[Item]]:
    """Take what params say, and for ``auto`` what the first usable image has.

    That is the first by name in a folder or below a prefix, the first in an archive's own order.

    Args:
        wanted: ``data.image``.
        items: of the source.

    Returns:
        the reader, and all items, those included that were looked at.
    """
    height, width, channels = wanted.height, wanted.width, wanted.channels
    if height != "auto" and width != "auto" and channels != "auto":
        return ImageReader(height, width, channels), items
    passed: list[Item] = []
    for item in items:
        if not isinstance(item, RawSample):
            passed.append(item)
            continue
        try:
            image = open_image(item.payload)
        except UnusableError as reason:
            passed.append(RefusedSample(item.name, str(reason)))
            continue
        reader = ImageReader(
            image.height if height == "auto" else height,
            image.width if width == "auto" else width,
            (1 if image.mode == "L" else 3) if channels == "auto" else channels,
        )
        return reader, chain(passed, [item], items)
    return ImageReader(1, 1, 1), iter(passed)  # there is no image that it could matter to


class ImageReading:
    """Files are images, each in the folder of its class."""

    layout = "<class>/<file>"

    def take_file(self, settings: ImageSettings) -> TakeFile:  # noqa: ARG002 - they say nothing of files
        """A file is one image, whose class folder is its class."""
        return FILES.take

    def is_meant(self, path: str) -> bool:
        """Return whether the file's ending is that of a picture, or it has none."""
        return FILES.claims(path)

    def reader(self, settings: ImageSettings, items: Iterator[Item]) -> tuple[ImageReader, Iterator[Item]]:
        """Settle the size; see :func:`settle_size`."""
        return settle_size(settings, items)

    def ask(self, question: str | Path, inputs: Specs, assets: Mapping[str, bytes]) -> Mapping[str, Array]:  # noqa: ARG002
        """Read an image file as uint8 ``[height, width, channels]``.

        Raises:
            DataError: it is missing, no image or cut short.
        """
        (spec,), file = inputs, Path(question)
        shape = spec.shape
        if len(shape) != 3 or shape[2] not in MODES:
            raise DataError(
                f"Expected a model of grey or colour images [height, width, 1 or 3]. Received: {list(shape)}."
            )
        height, width, channels = shape
        try:
            with file.open("rb") as content:
                image = fit(open_image(content.read(FILES.most_bytes)), height, width, channels)
        except (OSError, UnusableError) as error:
            raise DataError(f"Expected {file} to be an image. Received: {error}. Name image files.") from None
        return {spec.name: np.asarray(image, np.uint8).reshape(shape)}
