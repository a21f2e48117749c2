"""The means of criteria that look at answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.compression.technique import Context
from tasks.samples import SplitName, read_batches

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """The first samples of the prepared splits, in stored order, which is a random one."""

    context: Context
    samples: int

    def take(self, split: SplitName) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images float32 ``[n, height, width, channels]`` (0 to 255) and labels int64 ``[n]``."""
        images, labels = next(read_batches(split, self.samples, self.context.prepared))
        return images.astype(np.float32), labels
