"""The signal-to-noise ratio, under the name that quantization knows it by."""

from tasks.distortion import EXACT, sqnr

__all__ = ["EXACT", "sqnr"]
