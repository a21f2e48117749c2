"""Which split a sample belongs to.

What a source declares goes first. The splits that it does not declare are taken out of the rest, the *pool*:
samples in its train folder and samples of which nothing is said. There, a keyed hash of the decoded image gives
each sample a place between 0 and 1, and the place decides::

    0 … test            test, if the source declares no test split, else train
    … test + validation validation, if the source declares no validation split, else train
    … 1                 train

A sample's place depends on nothing but its own pixels. So no sample ever moves from one split to another when
data grows, is sorted otherwise or is packed otherwise, and equal images always fall together.
"""

import hashlib
from collections.abc import Collection

from tasks.config import Split
from tasks.samples import SplitName

KEY = b"slimline: place of a sample among the splits"
PLACES = 1 << 64


def place_of(mode: str, size: tuple[int, int], pixels: bytes) -> int:
    """The place of a decoded image, between 0 and ``PLACES``: BLAKE2b of Pillow's mode and size, and the pixels."""
    digest = hashlib.blake2b(f"{mode} {size[0]} {size[1]} ".encode(), digest_size=8, key=KEY)
    digest.update(pixels)
    return int.from_bytes(digest.digest(), "little")


def assign(place: int, declared: SplitName | None, known: Collection[SplitName], split: Split) -> SplitName:
    """The split of one sample.

    Args:
        place: what :func:`place_of` gave.
        declared: the split that the source declares for this sample.
        known: all splits that the source declares for any sample.
        split: the fractions wanted.
    """
    if declared in ("validation", "test"):
        return declared
    fraction = place / PLACES
    if fraction < split.test:
        return "train" if "test" in known else "test"
    if fraction < split.test + split.validation:
        return "train" if "validation" in known else "validation"
    return "train"
