"""A ``.tflite`` file as the objects of its schema, and back."""

from tasks.litert_types import Model


def take_apart(flatbuffer: bytes) -> Model:
    """Return the objects of a file, which may be changed and written again.

    Args:
        flatbuffer: the file's content.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    found: Model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    return found


def put_together(model: Model) -> bytes:
    """Return the file of objects.

    Args:
        model: as :func:`take_apart` gives them.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
