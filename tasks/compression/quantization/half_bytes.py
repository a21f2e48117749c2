"""int8 weights of few levels stored as int4: two in a byte, the integers and their steps as they were."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tasks.compression.flatbuffer import File, Places
from tasks.compression.quantization.kernels import PLAIN, XNNPACK, answers
from tasks.errors import CompressionError

LARGEST = 7  # both signs alike


def store_as_int4(flatbuffer: bytes, places: Places, layers: Iterable[str]) -> bytes:
    """The file with the weights of these layers in half as many bytes, where dense layers and convolutions read them.

    Raises:
        CompressionError: a layer has weights beyond ±7.
    """
    from ai_edge_litert import schema_py_generated as schema

    file = File(flatbuffer)
    readers = (schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.CONV_2D)
    held = {(use.graph, use.tensor) for use in file.uses() if use.code not in readers or use.slot != 1}
    for layer in layers:
        for place in dict.fromkeys((part.graph, part.tensor) for part in places.get(layer, ())):
            tensor = file.tensor(*place)
            if place in held or tensor.type != schema.TensorType.INT8:
                continue
            values = file.constant(*place).values
            if np.abs(values).max() > LARGEST:
                raise CompressionError(
                    f"Expected weights of at most ±{LARGEST} steps in layer {layer} with weight_storage: int4. "
                    f"Received: ±{np.abs(values).max()}. Leave weight_storage out."
                )
            file.store(tensor, _halves(values))
            tensor.type = schema.TensorType.INT4
    return file.write()


def _halves(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Two integers in a byte, the first in its lower half."""
    flat = np.append(values.reshape(-1), np.zeros(values.size % 2, np.int8)).astype(np.uint8) & 15
    return np.asarray(flat[::2] | flat[1::2] << 4, np.uint8)


def check_halves(halved: bytes, whole: bytes, images: NDArray[np.uint8]) -> dict[str, float]:
    """Refuse a file whose kernels give other numbers than those of the file with whole bytes.

    Returns:
        the largest difference of a logit by kind of kernels: of XNNPACK's, which are deployed, none.

    Raises:
        CompressionError: LiteRT does not load the file, or XNNPACK gives other numbers.
    """
    off = {
        kernels: float(np.abs(answers(halved, images, kernels) - answers(whole, images, kernels)).max())
        for kernels in (XNNPACK, PLAIN)
    }
    if off[XNNPACK]:
        raise CompressionError(
            f"Expected the runtime to give with weights of 4 bits what it gives with the same integers in 8 bits. "
            f"Received: logits that differ by up to {off[XNNPACK]:.3g}. This runtime has no right kernels for them: "
            f"leave weight_storage out."
        )
    return off
