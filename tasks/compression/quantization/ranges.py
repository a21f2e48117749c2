"""Derive the range that 8 bits are spread over from the values that an activation takes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.compression.quantization.calibration import Calibration, Method

Range = tuple[float, float]
LEVELS = 256
BINS = 2048
RATIOS = np.linspace(0.02, 1.0, 99)
TINY = float(np.finfo(np.float32).tiny)
MOST = 1 << 20  # values that a search looks at


def choose_range(values: NDArray[np.float32], config: Calibration) -> Range:
    """Return the range of an activation; zero is always in it, or it could not be stored exactly.

    Args:
        values: what it takes on the calibration samples, any shape.
        config: which method.
    """
    flat = np.ravel(values)
    if len(flat) > MOST:
        flat = flat[:: -(-len(flat) // MOST)]
    low, high = METHODS[config.ranges](flat, config)
    return min(0.0, float(low)), max(0.0, float(high))


def _minmax(values: NDArray[np.float32], config: Calibration) -> Range:
    del config
    return float(values.min()), float(values.max())


def _percentile(values: NDArray[np.float32], config: Calibration) -> Range:
    low, high = np.percentile(values, [100 - config.percentile, config.percentile])
    return float(low), float(high)


def _mse(values: NDArray[np.float32], config: Calibration) -> Range:
    """The range, both ends drawn in alike, with the least squared error (Banner et al. 2019, arXiv:1810.05723)."""
    del config
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    errors = [np.square(values - _rounded(values, low * ratio, high * ratio)).mean() for ratio in RATIOS]
    best = float(RATIOS[int(np.argmin(errors))])
    return low * best, high * best


def _rounded(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    scale = max((high - low) / (LEVELS - 1), TINY)
    levels = np.clip(np.rint(values / scale), np.rint(low / scale), np.rint(high / scale))
    return np.asarray(levels * scale, np.float32)


def _entropy(values: NDArray[np.float32], config: Calibration) -> Range:
    """The range whose rounded distribution diverges least from the true one (Migacz 2017, 8-bit inference, GTC).

    Magnitudes are counted; for each threshold the counts beyond it are added to the last bin, merged into as many
    levels as 8 bits have, spread again over the bins that had any, and compared by Kullback and Leibler's measure.
    """
    del config
    low, high = float(values.min()), float(values.max())
    magnitudes = np.abs(values[values != 0])
    if not len(magnitudes):
        return low, high
    levels = LEVELS if low >= 0 else LEVELS // 2
    counts, edges = np.histogram(magnitudes, bins=BINS, range=(0.0, float(magnitudes.max())))
    sizes = list(range(levels, BINS + 1, 8))
    threshold = float(edges[min(sizes, key=lambda size: _divergence(counts, size, levels))])
    return max(low, -threshold), min(high, threshold)


def _divergence(counts: Array, size: int, levels: int) -> float:
    kept = counts[:size].astype(np.float64)
    clipped = kept.copy()
    clipped[-1] += counts[size:].sum()
    level = np.arange(size) * levels // size
    filled = kept > 0
    mass = np.bincount(level, kept, levels)
    bins = np.bincount(level, filled, levels)
    spread = np.where(filled, mass[level] / np.maximum(bins[level], 1), 0.0)
    seen = (clipped > 0) & (spread > 0)
    if not seen.any():
        return float("inf")
    true, model = clipped / clipped.sum(), spread / spread.sum()
    lost = float(true[(clipped > 0) & ~seen].sum())  # what the rounded distribution has no place for
    return float(np.sum(true[seen] * np.log(true[seen] / model[seen]))) + lost


METHODS: dict[Method, Callable[[NDArray[np.float32], Calibration], Range]] = {
    "minmax": _minmax,
    "percentile": _percentile,
    "entropy": _entropy,
    "mse": _mse,
}
