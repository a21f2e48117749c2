"""What every image is brought to, where params leave it to the source."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from tasks.config import Image
from tasks.data_loading.opening import UnusableImageError, open_image
from tasks.data_loading.sources.protocol import Item, RawSample, RefusedSample


@dataclass(frozen=True)
class Target:
    """What every image is brought to, in pixels."""

    height: int
    width: int
    channels: Literal[1, 3]

    @property
    def bytes(self) -> int:
        """Of one image."""
        return self.height * self.width * self.channels


def resolve(wanted: Image, items: Iterator[Item]) -> tuple[Target, Iterator[Item]]:
    """Take what params say, and for ``auto`` what the first usable image has: the first by name in a folder or
    below a prefix, the first in an archive's own order.

    Returns:
        the target, and all items, those included that were looked at.
    """
    height, width, channels = wanted.height, wanted.width, wanted.channels
    if height != "auto" and width != "auto" and channels != "auto":
        return Target(height, width, channels), items
    passed: list[Item] = []
    for item in items:
        if not isinstance(item, RawSample):
            passed.append(item)
            continue
        try:
            image = open_image(item.payload)
        except UnusableImageError as reason:
            passed.append(RefusedSample(item.name, str(reason)))
            continue
        target = Target(
            image.height if height == "auto" else height,
            image.width if width == "auto" else width,
            (1 if image.mode == "L" else 3) if channels == "auto" else channels,
        )
        return target, chain(passed, [item], items)
    return Target(1, 1, 1), iter(passed)  # there is no image that it could matter to
