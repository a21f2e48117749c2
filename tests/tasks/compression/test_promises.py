from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.flatbuffer import read_constants
from tasks.compression.location import locate
from tasks.compression.promises import measure
from tasks.compression.technique import Claim, Kind, Subject
from tasks.learning.conversion import to_tflite


@pytest.fixture(scope="module")
def model() -> Any:
    """A convolution with 6 zeros of 8, other values in each output, a full dense layer, and one with a pattern."""
    layers = keras().layers
    model = keras().Sequential(
        [
            keras().Input((4, 4, 1)),
            layers.Conv2D(2, 2, name="sparse"),
            layers.Flatten(),
            layers.Dense(3, name="full"),
            layers.Dense(2, name="grouped"),
        ]
    )
    kernel = np.zeros((2, 2, 1, 2), np.float32)
    kernel[0, 0, 0, :] = [1.0, 2.0]
    model.get_layer("sparse").set_weights([kernel, np.ones(2)])
    model.get_layer("full").set_weights([np.arange(1, 55, dtype=np.float32).reshape(18, 3), np.ones(3)])
    model.get_layer("grouped").set_weights([np.array([[1, 0], [0, 2], [3, 4]], np.float32), np.ones(2)])
    return model


@pytest.fixture(scope="module", params=["keras", "flatbuffer"])
def subject(request: pytest.FixtureRequest, model: Any) -> Subject:
    flatbuffer = to_tflite(model)
    return Subject(model) if request.param == "keras" else Subject(None, flatbuffer, locate(model, flatbuffer))


@pytest.mark.parametrize(
    ("layer", "kind", "promised", "measured", "holds"),
    [
        ("sparse", "zeros", 0.75, 0.75, True),
        ("sparse", "zeros", 0.8, 0.75, False),
        ("full", "zeros", 0.1, 0.0, False),
        ("sparse", "clusters", 2.0, 2, True),
        ("full", "clusters", 18.0, 18, True),
        ("full", "clusters", 17.0, 18, False),
        ("full", "dtype", "float32", "float32", True),
        ("full", "dtype", "int8", "float32", False),
        ("grouped", "pattern", "1:2", "1:2", True),
        ("grouped", "pattern", "2:4", "2:4", True),
        ("grouped", "pattern", "1:4", "2:4", False),
        ("full", "pattern", "2:4", "4:4", False),
        ("gone", "zeros", 0.0, "no such weights", False),
    ],
)
def test_a_promise_is_measured_and_a_broken_one_does_not_hold(
    subject: Subject, layer: str, kind: Kind, promised: float | str, measured: float | str, holds: bool
) -> None:
    (promise,) = measure([Claim(layer, kind, promised)], subject)
    assert (promise.layer, promise.promise, promise.promised) == (layer, kind, promised)
    assert promise.measured == measured
    assert promise.holds is holds


def test_kernels_are_found_with_their_output_channels_first(model: Any) -> None:
    flatbuffer = to_tflite(model)
    found = {path: copies[0] for path, copies in read_constants(flatbuffer, locate(model, flatbuffer)).items()}
    assert set(found) == {"sparse", "full", "grouped"}
    assert np.array_equal(found["sparse"].values, np.moveaxis(model.get_layer("sparse").kernel.numpy(), -1, 0))
    assert np.array_equal(found["full"].values, model.get_layer("full").kernel.numpy().T)
