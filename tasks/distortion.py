"""Signal-to-quantization-noise ratio, in decibels: how much of a signal is left after it was rounded."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 200.0  # decibels; more than float32 can tell


def sqnr(signal: NDArray[Any], rounded: NDArray[Any]) -> float:
    """Return the energy of the signal over the energy of the error, in decibels, 200 at most.

    Rounding to b bits with a range of ``loading`` times the signal's root mean square, and nothing clipped, gives
    6.02 b + 4.77 − 20 log10(loading) (Jayant and Noll 1984, Digital Coding of Waveforms, section 4.3).

    Args:
        signal: of any shape.
        rounded: the same values after rounding, of the same shape.
    """
    kept = np.asarray(signal, np.float64)
    noise = float(np.sum((kept - np.asarray(rounded, np.float64)) ** 2))
    energy = float(np.sum(kept**2))
    if not math.isfinite(noise):
        return -EXACT
    if noise == 0:
        return EXACT
    return max(-EXACT, min(EXACT, 10 * math.log10(energy / noise))) if energy else -EXACT
