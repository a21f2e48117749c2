from typing import Any

import pytest

from tasks.backend import tensorflow
from tasks.learning import flatbuffers
from tasks.learning.conversion import to_tflite
from tasks.learning.flatbuffers import put_together, take_apart


@pytest.mark.parametrize("room", [1, flatbuffers.ROOM])
def test_a_file_is_written_as_tensorflow_writes_it(tiny: Any, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tensorflow()
    from tensorflow.lite.tools import flatbuffer_utils

    monkeypatch.setattr(flatbuffers, "ROOM", room)
    model = take_apart(to_tflite(tiny))
    assert put_together(model) == flatbuffer_utils.convert_object_to_bytearray(model)
