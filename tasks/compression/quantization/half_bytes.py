"""int8 weights of few levels stored as int4: two in a byte, the integers and their scales as they were."""

from collections.abc import Iterable

import numpy as np

from tasks.arrays import Array
from tasks.compression.flatbuffer import File, Places, in_half_bytes
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.distortion import sqnr
from tasks.errors import CompressionError
from tasks.samples import Inputs

LARGEST = 7  # both signs alike
NEAR, ROUNDING = 30.0, 6.0  # decibels: of the same numbers but for last bits; what these may vary by


def store_as_int4(flatbuffer: bytes, places: Places, layers: Iterable[str]) -> bytes:
    """Return the file with the weights of some layers in half as many bytes.

    Weights that others than dense layers and convolutions read stay as they are.

    Args:
        flatbuffer: of an int8 file.
        places: where it holds weights, by their paths.
        layers: paths of weights.

    Raises:
        CompressionError: a layer has weights beyond ±7.
    """
    from ai_edge_litert import schema_py_generated as schema

    file = File(flatbuffer)
    readers = (schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.CONV_2D)
    whole = {(use.graph, use.tensor) for use in file.uses() if use.code not in readers or use.slot != 1}
    for layer in layers:
        for place in dict.fromkeys((part.graph, part.tensor) for part in places.get(layer, ())):
            tensor = file.tensor(*place)
            if place in whole or tensor.type != schema.TensorType.INT8:
                continue
            values = file.constant(*place).values
            if np.abs(values).max() > LARGEST:
                raise CompressionError(
                    f"Expected weights of at most ±{LARGEST} times the scale in layer {layer} with "
                    f"weight_storage: int4. Received: ±{np.abs(values).max()}. Leave weight_storage out."
                )
            file.store(tensor, in_half_bytes(values))
            tensor.type = schema.TensorType.INT4
    return file.write()


def check_halves(halved: bytes, whole: bytes, samples: Inputs | Array) -> dict[str, float]:
    """Refuse a file that does not compute what the same integers in whole bytes do.

    XNNPACK leaves some weights of 4 bits to the plain kernels, which round the last bit of an activation otherwise. So
    the answers may be as far from those of the file with whole bytes as the plain kernels' are, and no further.

    Args:
        halved: the file with weights of 4 bits.
        whole: the same integers in whole bytes.
        samples: what both are asked.

    Returns:
        decibels by kind of kernels.

    Raises:
        CompressionError: LiteRT does not load the file, or XNNPACK gives other numbers.
    """
    right = {kernels: answers(whole, samples, kernels) for kernels in (XNNPACK, PLAIN)}
    seen = {kernels: round(sqnr(right[kernels], answers(halved, samples, kernels)), 1) for kernels in right}
    least = min(NEAR, sqnr(right[XNNPACK], right[PLAIN]) - ROUNDING)
    if seen[XNNPACK] < least:
        raise CompressionError(
            f"Expected the runtime to give with weights of 4 bits what it gives with the same integers in 8 bits, to "
            f"{least:.1f} dB. Received: {seen[XNNPACK]} dB. This runtime has no right kernels for them: leave "
            f"weight_storage out."
        )
    return seen
