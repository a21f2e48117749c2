from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, tensorflow
from tasks.errors import ConversionError
from tasks.learning.conversion import convert, fold_scaling, to_tflite
from tasks.learning.saving import weights_digest
from tasks.litert import LiteRTModel
from tasks.workloads.image.networks import BUILDERS
from tests.tasks.training import material, odd_networks
from tests.tasks.training.material import CLASSES, SHAPE, answers, samples


def stack(*layers: Any) -> Any:
    return keras().Sequential([keras().Input(SHAPE), *layers, keras().layers.Dense(CLASSES)])


def scaling_then(*layers: Any) -> Any:
    return stack(keras().layers.Rescaling(1 / 255), *layers)


def shared_scaling() -> Any:
    layers = keras().layers
    inputs = keras().Input(SHAPE)
    scaled = layers.Rescaling(1 / 255)(inputs)
    both = layers.Concatenate()([layers.Conv2D(4, 3, padding="same")(scaled), scaled])
    return keras().Model(inputs, layers.Dense(CLASSES)(layers.Flatten()(both)))


def twice_scaled() -> Any:
    scaling = keras().layers.Rescaling(1 / 16)
    return stack(scaling, scaling, keras().layers.Conv2D(4, 3), keras().layers.Flatten())


UNFOLDABLE: dict[str, Callable[[], Any]] = {
    "offset": lambda: stack(
        keras().layers.Rescaling(1 / 127.5, -1.0), keras().layers.Conv2D(4, 3, padding="same"), keras().layers.Flatten()
    ),
    "depthwise first": lambda: scaling_then(keras().layers.DepthwiseConv2D(3), keras().layers.Flatten()),
    "flatten first": lambda: scaling_then(keras().layers.Flatten()),
    "scaled pixels used twice": shared_scaling,
    "a subclass first": odd_networks.standardized,
    "a convolution called twice": odd_networks.called_twice,
    "scaling called twice": twice_scaled,
    "no scaling": lambda: stack(keras().layers.Conv2D(4, 3), keras().layers.Flatten()),
}
FOLDABLE: dict[str, Callable[[], Any]] = {
    "convolution": lambda: scaling_then(keras().layers.Conv2D(4, 3, padding="same"), keras().layers.Flatten()),
    "dense": lambda: scaling_then(keras().layers.Dense(4, activation="relu"), keras().layers.Flatten()),
    "batch normalization after it": lambda: BUILDERS["resnet8"](SHAPE, CLASSES, 0.0),
    "model within the model": material.depthwise,
}


def scalings(model: Any) -> int:
    return sum(isinstance(layer, keras().layers.Rescaling) for layer in model.layers)


@pytest.mark.parametrize("name", FOLDABLE)
def test_folding_takes_the_scaling_away_and_keeps_the_outputs(name: str, prepared: Path) -> None:
    model = FOLDABLE[name]()
    images, _ = samples("test", prepared, 50)
    before = weights_digest(model)
    folded = fold_scaling(model)
    assert (scalings(model), scalings(folded)) == (1, 0)
    assert np.allclose(answers(folded, images), answers(model, images), atol=1e-5)
    assert weights_digest(model) == before


@pytest.mark.parametrize("name", ["article", "residual"])
def test_folding_keeps_the_outputs_of_trained_networks(
    name: str, request: pytest.FixtureRequest, prepared: Path
) -> None:
    model = request.getfixturevalue(name)
    images, _ = samples("test", prepared)
    folded = fold_scaling(model)
    assert scalings(folded) == 0
    assert np.allclose(answers(folded, images), answers(model, images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", UNFOLDABLE)
def test_what_cannot_be_folded_stays_as_it_is_and_converts_right(name: str, prepared: Path, tmp_path: Path) -> None:
    model = UNFOLDABLE[name]()
    images, _ = samples("test", prepared, 20)
    folded = fold_scaling(model)
    assert scalings(folded) == scalings(model)
    assert np.array_equal(answers(folded, images), answers(model, images))
    (tmp_path / "model.tflite").write_bytes(to_tflite(model))
    expected = answers(model, images)
    precision = (
        1e-5 * np.abs(expected).max()
    )  # of numbers as large as these: without scaling they are sums of raw pixels
    assert np.allclose(LiteRTModel(tmp_path / "model.tflite").predict(images), expected, atol=precision)


def test_a_layer_computed_in_16_bits_is_left_as_it_is_and_refused_by_the_converter_in_a_sentence() -> None:
    layers = keras().layers
    model = scaling_then(layers.Conv2D(4, 3, dtype="mixed_bfloat16"), layers.Flatten())
    assert scalings(fold_scaling(model)) == 1
    with pytest.raises(ConversionError, match="Expected layers that LiteRT has operations for"):
        to_tflite(model)


@pytest.mark.parametrize("name", ["article", "residual"])
def test_the_flatbuffer_takes_pixels_and_agrees_with_keras(
    name: str, request: pytest.FixtureRequest, prepared: Path, tmp_path: Path
) -> None:
    model = request.getfixturevalue(name)
    images, _ = samples("test", prepared)
    path = tmp_path / "model.tflite"
    path.write_bytes(to_tflite(model))
    loaded = LiteRTModel(path)
    assert (loaded.inputs["image"].dtype, loaded.inputs["image"].shape) == ("uint8", (1, *SHAPE))
    assert (loaded.output.dtype, loaded.output.shape) == ("float32", (1, CLASSES))
    assert np.allclose(loaded.predict(images), answers(model, images), rtol=1e-4, atol=1e-4)
    assert np.allclose(loaded.predict(images, batch=32), answers(model, images), rtol=1e-4, atol=1e-4)


def test_the_same_model_gives_the_same_bytes(tiny: Any) -> None:
    assert to_tflite(tiny) == to_tflite(tiny)


def test_the_file_is_that_of_the_whole_model_saved(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = to_tflite(tiny)
    by_functions = tensorflow().lite.TFLiteConverter.from_concrete_functions
    monkeypatch.setattr("tasks.learning.conversion._converter", lambda function, model: by_functions([function], model))
    assert to_tflite(tiny) == expected


def test_a_layer_with_a_table_is_refused_in_a_sentence() -> None:
    layers = keras().layers
    image = keras().Input(SHAPE, dtype="int64")
    looked_up = keras().backend.cast(layers.IntegerLookup(vocabulary=[1, 2, 3])(image), "float32")
    model = keras().Model(image, layers.Dense(10)(layers.Flatten()(looked_up)))
    with pytest.raises(ConversionError, match="Expected layers that LiteRT has operations for"):
        convert(model)


def test_a_conversion_calls_each_layer_once() -> None:
    """Of a model as a whole TensorFlow saves each layer's own functions, and calls the layer for them again."""
    calls = []

    class Heard(keras().layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            calls.append(self.name)
            return inputs

    model = stack(keras().layers.Flatten(), Heard(name="heard"))
    calls.clear()
    convert(model)
    assert calls == ["heard"]


def test_a_table_that_no_weight_holds_comes_along() -> None:
    """A variable that a function took from outside is the network's, though no layer knows it."""
    shift = tensorflow().Variable(np.arange(10.0, dtype=np.float32))
    model = stack(keras().layers.Flatten(), keras().layers.Dense(10), keras().layers.Lambda(lambda x: x + shift))
    images = np.random.default_rng(1).integers(0, 256, (3, *SHAPE), np.uint8)
    assert np.allclose(LiteRTModel(to_tflite(model)).predict(images), answers(model, images), rtol=1e-4, atol=1e-3)
