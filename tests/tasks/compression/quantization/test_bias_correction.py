from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tensorflow.lite.tools import flatbuffer_utils

from tasks.backend import keras, set_seed
from tasks.compression.quantization.bias_correction import add_to_biases
from tasks.compression.quantization.calibration import Calibration, CalibrationSet
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.static import convert_with_ranges
from tasks.distortion import sqnr
from tasks.learning.conversion import fold_scaling, to_tflite
from tasks.samples import Inputs
from tests.tasks.training.material import answers, samples

SHAPE = (10, 12, 3)
SPREAD = np.random.default_rng(5).integers(20, 250, (1, *SHAPE))  # the mean differs from place to place
IMAGES = np.random.default_rng(6).binomial(SPREAD, 0.8, (200, *SHAPE)).astype(np.uint8)
DRAWN = CalibrationSet(Inputs({"image": IMAGES}), np.zeros(len(IMAGES), np.int64), np.arange(len(IMAGES)))

Build = Callable[[Any], Any]  # from pixels between 0 and 1 to logits
LAYERS: dict[str, Build] = {
    "dense": lambda signal: keras().layers.Dense(7)(keras().layers.Flatten()(signal)),
    "convolution": lambda signal: pooled(keras().layers.Conv2D(7, (3, 2), padding="same")(signal)),
    "strided": lambda signal: pooled(keras().layers.Conv2D(7, 3, strides=(2, 3))(signal)),
    "dilated": lambda signal: pooled(keras().layers.Conv2D(7, 3, dilation_rate=2)(signal)),
    "depthwise": lambda signal: pooled(keras().layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(signal)),
}


def pooled(signal: Any) -> Any:
    return keras().layers.GlobalAveragePooling2D()(signal)


def network(build: Build) -> Any:
    """A network whose kernels have one weight that is far larger than all others, which are rounded coarsely for it."""
    set_seed(2)
    inputs = keras().Input(SHAPE, name="image")
    model = keras().Model(inputs, build(keras().layers.Rescaling(1 / 255)(inputs)))
    for layer in model.layers:
        if weights := layer.get_weights():
            weights[0].flat[1] = 20 * np.abs(weights[0]).max()
            layer.set_weights(weights)
    return model


def errors(model: Any, corrected: bool, images: NDArray[np.uint8] = IMAGES) -> NDArray[np.float64]:
    """The error of each output's mean in the file."""
    file, _ = convert_with_ranges(fold_scaling(model), DRAWN, Calibration(), False, corrected)
    return np.asarray(np.abs((run_file(file, images) - answers(model, images)).mean(axis=0, dtype=np.float64)))


@pytest.mark.parametrize("name", LAYERS)
def test_the_mean_of_each_output_is_the_float_layers_again(name: str) -> None:
    model = network(LAYERS[name])
    assert errors(model, corrected=True).mean() < 0.15 * errors(model, corrected=False).mean()


def test_a_layer_that_is_called_twice_is_corrected_for_each_call() -> None:
    layers = keras().layers
    shared = layers.Dense(5, name="shared")

    def build(signal: Any) -> Any:
        flat = layers.Flatten()(signal)
        return layers.Concatenate()([shared(flat), shared(layers.Dense(flat.shape[-1], activation="relu")(flat))])

    model = network(build)
    assert errors(model, corrected=True).mean() < 0.15 * errors(model, corrected=False).mean()


def test_layers_whose_equal_biases_are_stored_once_get_biases_of_their_own() -> None:
    layers = keras().layers

    def build(signal: Any) -> Any:
        twice = [layers.Conv2D(6, 3, use_bias=False)(signal), layers.Conv2D(6, 3, strides=2, use_bias=False)(signal)]
        return layers.Concatenate()([pooled(each) for each in twice])

    float_file = to_tflite(network(build))
    (graph,) = flatbuffer_utils.convert_bytearray_to_object(bytearray(float_file)).subgraphs
    biased = [operator for operator in graph.operators if len(operator.inputs) > 2]
    assert len({operator.inputs[2] for operator in biased}) == 1
    names = [graph.tensors[operator.outputs[0]].name.decode() for operator in biased]
    added = {name: np.arange(6.0) * factor for name, factor in zip(names, (1, -2), strict=True)}
    moved = run_file(add_to_biases(float_file, added), IMAGES) - run_file(float_file, IMAGES)
    ways = moved.mean(axis=0).reshape(2, 6)
    assert np.sort(ways.sum(axis=1)) == pytest.approx([-30, 15], abs=1e-3)
    assert np.abs(moved - moved[0]).max() < 1e-4


def test_a_kernel_that_rounding_does_not_change_keeps_its_bias() -> None:
    model = network(LAYERS["dense"])
    kernel, bias = model.layers[-1].get_weights()
    whole = np.random.default_rng(1).integers(-126, 127, kernel.shape)
    whole[0] = 127
    model.layers[-1].set_weights([whole / np.float32(256), bias])  # and a scale of pixels that keeps them exact
    model.layers[1].scale = 1.0
    folded = fold_scaling(model)
    plain, _ = convert_with_ranges(folded, DRAWN, Calibration(), False)
    corrected, details = convert_with_ranges(folded, DRAWN, Calibration(), False, True)
    assert list(details["bias_correction"].values()) == [0.0]
    assert corrected == plain


def normalized(signal: Any) -> Any:
    layers = keras().layers
    for filters, groups in ((8, 4), (8, 2)):
        signal = layers.Conv2D(filters, 3, padding="same")(signal)
        signal = layers.ReLU()(layers.GroupNormalization(groups)(signal))
    return layers.Dense(7)(layers.Flatten()(signal))


def local(signal: Any) -> Any:
    layers = keras().layers
    signal = layers.LocallyConnected2D(6, 3, strides=2, activation="relu")(signal)
    signal = layers.EinsumDense("nhwc,cd->nhwd", (None, None, 6), bias_axes="d", activation="relu")(signal)
    return layers.Dense(7)(layers.Flatten()(signal))


def behind_a_convolution(signal: Any) -> Any:
    layers = keras().layers
    signal = layers.Conv2D(8, 3, activation="relu")(signal)
    signal = layers.EinsumDense("nhwc,cd->nhwd", (None, None, 8), bias_axes="d", activation="relu")(signal)
    signal = layers.LocallyConnected2D(4, 3, strides=2, activation="relu")(signal)
    return layers.Dense(7)(pooled(signal))


@pytest.mark.parametrize("build", [normalized, local, behind_a_convolution])
@pytest.mark.parametrize("per_channel", [True, False], ids=["by channel", "by layer"])
def test_other_images_are_never_further_from_the_float_network_than_without(
    build: Build, per_channel: bool, prepared: Path
) -> None:
    set_seed(1)
    images, labels = samples("train", prepared, 150)
    drawn = CalibrationSet(Inputs({"image": images[:50]}), labels[:50], np.arange(50))
    inputs = keras().Input(images.shape[1:], name="image")
    model = keras().Model(inputs, build(keras().layers.Rescaling(1 / 255)(inputs)))
    other = images[50:]
    right = answers(model, other)
    files = [
        convert_with_ranges(fold_scaling(model), drawn, Calibration(), per_channel, each) for each in (False, True)
    ]
    plain, corrected = (sqnr(right, run_file(file, other)) for file, _ in files)
    assert corrected >= plain - 0.1
    _, details = files[1]
    assert details["bias_correction"] or details["biases_left_alone"]


def test_what_does_not_help_on_other_images_is_left_out_with_the_reason() -> None:
    model = network(LAYERS["dense"])
    few = CalibrationSet(Inputs({"image": IMAGES[:2]}), np.zeros(2, np.int64), np.arange(2))
    plain, _ = convert_with_ranges(fold_scaling(model), few, Calibration(), False)
    corrected, details = convert_with_ranges(fold_scaling(model), few, Calibration(), False, True)
    assert corrected == plain
    (row,) = details["biases_left_alone"]
    assert row["because"] == "the logits of 1 other images came no nearer to the float network's"


def test_an_operation_whose_means_are_not_known_is_left_alone() -> None:
    model = network(lambda signal: pooled(keras().layers.Conv2DTranspose(4, 3)(signal)))
    plain, _ = convert_with_ranges(fold_scaling(model), DRAWN, Calibration(), False)
    corrected, details = convert_with_ranges(fold_scaling(model), DRAWN, Calibration(), False, True)
    assert details["bias_correction"] == {}
    assert np.array_equal(run_file(corrected, IMAGES), run_file(plain, IMAGES))
