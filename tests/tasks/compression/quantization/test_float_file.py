from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.location import locate
from tasks.compression.quantization.float_file import FloatFile, run_file
from tasks.learning.conversion import to_tflite
from tests.tasks.compression.zoo.handmade import around
from tests.tasks.training.material import SHAPE


@pytest.fixture(scope="module")
def model() -> Any:
    """Two convolutions of equal weights, which a file may store once, and one of others."""

    def build(layers: Any, signal: Any) -> Any:
        ones = keras().initializers.Constant(0.5)
        for name in ("first", "second"):
            signal = layers.Conv2D(1, 3, kernel_initializer=ones, activation="relu", name=name)(signal)
        return layers.Conv2D(8, 3, activation="relu", name="third")(signal)

    return around(build, "equals", scaled=False)


@pytest.mark.parametrize("layer", ["first", "second", "third", "logits"])
def test_the_file_with_another_kernel_is_that_of_the_network_with_it(model: Any, layer: str) -> None:
    file = FloatFile(flatbuffer := to_tflite(model), locate(model, flatbuffer))
    images = np.random.default_rng(1).integers(0, 256, (4, *SHAPE)).astype(np.uint8)
    head = file.heads[layer]
    same = [path for path in file.heads if file.heads[path] == head]
    changed = file.replaced({head: [2 * values for values in file.weights[head]]})
    others = {path: model.get_layer(path).get_weights() for path in same}
    for path, (kernel, bias) in others.items():
        model.get_layer(path).set_weights([2 * kernel, bias])
    expected = np.asarray(model(images.astype(np.float32)))
    for path, weights in others.items():
        model.get_layer(path).set_weights(weights)
    assert run_file(changed, images) == pytest.approx(expected, rel=1e-4, abs=1e-3)
    assert run_file(changed, images) == pytest.approx(run_file(file._rewritten(_new(file, head)), images), abs=0)
    assert file.replaced({}) == flatbuffer


def _new(file: FloatFile, path: str) -> list[Any]:
    return [(part, 2 * values) for part, values in zip(file.parts[path], file.weights[path], strict=True)]
