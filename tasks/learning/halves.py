"""The float32 file that a float16 file stands for: the same network, its weights rounded to float16."""

import numpy as np

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
    from tensorflow.lite.tools import flatbuffer_utils

    halves = set(_constants(_read(half_file), schema.TensorType.FLOAT16).values())
    model = _read(float_file)
    for buffer, content in _constants(model, schema.TensorType.FLOAT32).items():
        with np.errstate(over="ignore"):
            rounded = np.frombuffer(content, np.float32).astype(np.float16)
        if rounded.tobytes() in halves:
            model.buffers[buffer].data = np.frombuffer(rounded.astype(np.float32).tobytes(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _read(flatbuffer: bytes) -> Model:
    from tensorflow.lite.tools import flatbuffer_utils

    found: Model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    return found


def _constants(model: Model, dtype: int) -> dict[int, bytes]:
    """Contents of the buffers of constants of a type, by the buffer's number."""
    tensors = (tensor for graph in model.subgraphs for tensor in graph.tensors if tensor.type == dtype)
    contents = ((tensor.buffer, model.buffers[tensor.buffer].data) for tensor in tensors)
    return {buffer: bytes(data) for buffer, data in contents if data is not None and len(data)}
