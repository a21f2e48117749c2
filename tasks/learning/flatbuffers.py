"""A ``.tflite`` file as the objects of its schema, and back."""

from tasks.litert_types import Model

ROOM = 1 << 16  # bytes of all that is no weight; where they do not do the memory is doubled


def take_apart(flatbuffer: bytes) -> Model:
    """Return the objects of a file, which may be changed and written again.

    Args:
        flatbuffer: the file's content.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    found: Model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    return found


def put_together(model: Model) -> bytes:
    """Return the file of objects, written into memory of its size at once: TensorFlow's own begins with a kilobyte.

    Args:
        model: as :func:`take_apart` gives them.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    held = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = flatbuffer_utils.flatbuffers.Builder(held + held // 16 + ROOM)
    builder.Finish(model.Pack(builder), file_identifier=flatbuffer_utils._TFLITE_FILE_IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])
