from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.flatbuffer import File
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.own_biases import own_biases
from tasks.distortion import sqnr
from tasks.learning.conversion import convert, to_tflite
from tasks.samples import Inputs
from tests.tasks.compression.cases import calibration_samples, context
from tests.tasks.compression.zoo.handmade import dead
from tests.tasks.training.material import SHAPE, answers, samples


@pytest.fixture(scope="module")
def shared() -> Any:
    """Layers of each kind with a bias that are called twice, on signals of different sizes."""
    set_seed(2)
    layers = keras().layers
    image = keras().Input(SHAPE)
    kinds = [
        layers.Conv2D(4, 3, padding="same", name="convolution"),
        layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
        layers.Conv2DTranspose(4, 3, padding="same", name="transposed"),
    ]
    signal = layers.Conv2D(4, 3, strides=2, padding="same", name="first")(image)
    for layer in kinds:
        signal = layer(layer(signal) * 0.01)
    dense = layers.Dense(4, name="dense")
    signal = dense(layers.GlobalAveragePooling2D()(dense(signal * 0.1)))
    model = keras().Model(image, layers.Dense(10, name="logits")(signal))
    for layer in (*kinds, dense):
        layer.bias.assign(np.random.default_rng(1).normal(0, 1.0, 4))
    return model


def biases(flatbuffer: bytes) -> list[int]:
    """The tensor that each operator of a float file with a bias reads it from."""
    return [use.tensor for use in File(flatbuffer).uses() if use.slot > 1 and len(use.shape) == 1]


def test_each_operator_has_a_bias_of_its_own_and_the_file_answers_as_before(shared: Any, prepared: Path) -> None:
    images, _ = samples("test", prepared, 20)
    before = to_tflite(shared)
    after = own_biases(before)
    assert len(biases(before)) > len(set(biases(before)))
    assert len(biases(after)) == len(set(biases(after))) == len(biases(before))
    model = File(after).model
    assert len({model.subgraphs[0].tensors[index].buffer for index in biases(after)}) == len(biases(after))
    assert np.array_equal(run_file(after, images), run_file(before, images))
    assert own_biases(after) is after


def test_layers_that_are_called_twice_answer_right_with_16_bit_activations(shared: Any, prepared: Path) -> None:
    images, _ = samples("test", prepared, 100)
    file = convert(shared, configurations(calibration_samples(50, context(prepared)))["int16x8"])
    assert sqnr(answers(shared, images), run_file(file, images)) > 30


def test_a_layer_of_zeros_behind_a_dead_one_has_steps_that_are_numbers() -> None:
    model, image = dead(), np.full((1, *SHAPE), 200, np.float32)
    file = File(convert(model, configurations(lambda: iter([Inputs({"image": image})]))["int16x8"]))
    tensors = [tensor for tensor in file.model.subgraphs[0].tensors if file.content(tensor) and tensor.quantization]
    scales = [tensor.quantization.scale for tensor in tensors if tensor.quantization.scale is not None]
    assert np.isfinite(np.concatenate(scales)).all()
