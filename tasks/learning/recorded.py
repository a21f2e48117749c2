"""The samples on which a file is compared with the network that it was made of."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.config import DEFAULT_WORKLOAD
from tasks.litert import Pixels
from tasks.samples import SplitName, read_batches, read_dataset

SAMPLES = 64
SOURCES: tuple[SplitName, ...] = ("validation", "train")


@dataclass(frozen=True)
class Recorded:
    """Samples to compare on: images uint8 ``[n, height, width, channels]``, the last ``noise`` of them made up.

    ``workload``: whose outcome says what the answers are.
    """

    images: Pixels
    noise: int
    workload: str = DEFAULT_WORKLOAD


def recorded_samples(shape: tuple[int, ...], folder: Path | None, count: int = SAMPLES) -> Recorded:
    """Take the first samples of the validation split, then of the training split, then noise of all brightnesses.

    Args:
        shape: of an image.
        folder: of the prepared data; None: noise alone.
        count: how many.
    """
    parts, missing = [], count
    workload = DEFAULT_WORKLOAD if folder is None else read_dataset(folder).workload
    for split in SOURCES if folder is not None else ():
        images = next((batch for batch, _ in read_batches(split, missing, folder or Path())), None) if missing else None
        if images is not None and images.shape[1:] == tuple(shape):
            parts.append(images)
            missing -= len(images)
    if missing:
        parts.append(np.random.default_rng(0).integers(0, 256, (missing, *shape)).astype(np.uint8))
    return Recorded(np.concatenate(parts), missing, workload)
