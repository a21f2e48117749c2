"""The means of criteria that look at answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.compression.technique import Context
from tasks.samples import Inputs, SplitName, read_batches

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """The first samples of the prepared splits, in stored order, which is a random one."""

    context: Context
    samples: int

    def take(self, split: SplitName) -> tuple[Inputs, Array]:
        """Return samples and their targets ``[n]``.

        Args:
            split: whose samples.
        """
        return next(read_batches(split, self.samples, self.context.prepared))
