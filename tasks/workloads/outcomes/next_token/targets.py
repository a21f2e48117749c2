"""Targets: the token that comes next, how many others an unknown one may be, and the text that it is of.

A target is int32 ``[3]``. The first number is that of the token, 0 where the text ends. The second is 0, but of an
unknown token how many different ones are unknown. The third is the same for all windows of a text.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.samples import TensorSpec

TOKEN, OTHERS, TEXT = range(3)
MOST = (1 << 31) - 1


def target_of(told: str) -> TensorSpec:
    """Return the target.

    Args:
        told: of which kind tokens are; only models that tell the same can be compared.
    """
    return TensorSpec(name=f"next_{told}", dtype="int32", shape=(3,), low=0, high=MOST)


def spelling(targets: Array) -> NDArray[np.float64]:
    """Return what it costs to say which of the unknown tokens one is, in nats, ``[n]``; 0 for known ones.

    All that are unknown count as equally likely, so that models of different vocabularies can be compared: the
    *adjusted* perplexity of J. Ueberla, Analysing a Simple Language Model, Computer Speech and Language 8 (1994).

    Args:
        targets: ``[n, 3]``.
    """
    return np.log(np.maximum(1, targets[:, OTHERS]).astype(np.float64))
