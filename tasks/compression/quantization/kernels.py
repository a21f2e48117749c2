"""Run a ``.tflite`` file on both kinds of kernels that LiteRT has for it, and compare what they give.

XNNPACK is LiteRT's default, which slimline runs and recommends; the plain kernels run where it is not built in.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.arrays import Array
from tasks.distortion import sqnr
from tasks.errors import CompressionError, EvaluationError
from tasks.litert import LiteRTModel
from tasks.samples import Inputs

AGREES = 20.0  # decibels: 8-bit activations alone give 40 or so, wrong kernels 5
LEAST = 10.0  # decibels: what rounding may leave of the answers of a deep network
XNNPACK, PLAIN = "xnnpack", "reference"
Answers = NDArray[np.float32]


def answers(flatbuffer: bytes, samples: Inputs | Array, kernels: str = XNNPACK) -> Answers:
    """Return logits, sample by sample, each from a fresh state: float32 ``[n, outputs]``.

    Args:
        flatbuffer: of the file.
        samples: n of them.
        kernels: XNNPACK or the plain ones.

    Raises:
        CompressionError: LiteRT does not load or run the file.
    """
    try:
        return LiteRTModel(flatbuffer, delegate=kernels == XNNPACK).predict(samples)
    except (EvaluationError, ValueError, RuntimeError) as error:
        raise CompressionError(
            f"Expected a file that LiteRT loads and runs ({kernels} kernels). Received: {error} "
            f"Take another mode of quantize, or other settings in it."
        ) from None


def compare_kernels(flatbuffer: bytes, samples: Inputs | Array) -> dict[str, float]:
    """Load a file with both kinds of kernels and run it.

    Args:
        flatbuffer: of the file.
        samples: what it is asked.

    Returns:
        how far they agree, in decibels.
    """
    both = [answers(flatbuffer, samples, kernels) for kernels in (XNNPACK, PLAIN)]
    return {"agreement": round(sqnr(both[0], both[1]), 1)}


def check_kernels(flatbuffer: bytes, meant: bytes, samples: Inputs | Array) -> dict[str, float]:
    """Compare what each kind of kernels gives with what the stored weights mean.

    Args:
        flatbuffer: with weights of fewer bits.
        meant: the same network in float32 with the values that these weights stand for.
        samples: to ask both about.

    Returns:
        decibels by kind of kernels.

    Raises:
        CompressionError: LiteRT does not load the file, or gives other numbers than the weights mean.
    """
    right = answers(meant, samples)
    seen = {kernels: round(sqnr(right, answers(flatbuffer, samples, kernels)), 1) for kernels in (XNNPACK, PLAIN)}
    deployed, other = seen[XNNPACK], seen[PLAIN]
    if deployed < AGREES <= other:
        raise CompressionError(
            f"Expected the runtime to give what the stored weights mean, to {AGREES} dB. Received: {deployed} dB with "
            f"XNNPACK, {other} dB without. This runtime has no right kernels for them: take another mode or block."
        )
    if deployed < LEAST:
        raise CompressionError(
            f"Expected the runtime to give what the stored weights mean, to {LEAST} dB. Received: {deployed} dB with "
            f"XNNPACK, {other} dB without. This network does not bear activations that are rounded to 8 bits on use: "
            f"take another mode."
        )
    return seen
