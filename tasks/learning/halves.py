"""The float32 file that a float16 file stands for: the same network, its weights rounded to float16."""

import numpy as np

from tasks.learning.flatbuffers import put_together, take_apart
from tasks.litert_types import Model


def with_halves(float_file: bytes, half_file: bytes) -> bytes:
    """Round those constants of a float32 file that another file of the same network stores as float16.

    Which they are is told by their contents.

    Args:
        float_file: all weights float32.
        half_file: the same network, converted to float16.

    Returns:
        the float32 file with rounded constants.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    halves = set(_constants(take_apart(half_file), schema.TensorType.FLOAT16).values())
    model = take_apart(float_file)
    for buffer, content in _constants(model, schema.TensorType.FLOAT32).items():
        with np.errstate(over="ignore"):
            rounded = np.frombuffer(content, np.float32).astype(np.float16)
        if rounded.tobytes() in halves:
            model.buffers[buffer].data = np.frombuffer(rounded.astype(np.float32).tobytes(), np.uint8)
    return put_together(model)


def _constants(model: Model, dtype: int) -> dict[int, bytes]:
    """Contents of the buffers of constants of a type, by the buffer's number."""
    tensors = (tensor for graph in model.subgraphs for tensor in graph.tensors if tensor.type == dtype)
    contents = ((tensor.buffer, model.buffers[tensor.buffer].data) for tensor in tensors)
    return {buffer: bytes(data) for buffer, data in contents if data is not None and len(data)}
