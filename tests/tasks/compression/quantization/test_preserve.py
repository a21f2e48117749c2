from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.backend import keras, tensorflow
from tasks.compression.quantization.preserve import projection, structure_of
from tasks.compression.technique import Subject
from tasks.compression.techniques.quantize import Quantize
from tasks.compression.weights import values as kernels
from tasks.learning.saving import copy_model
from tests.tasks.compression.cases import context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.training.material import SHAPE

CENTROIDS = np.array([-0.4, -0.15, 0.1, 0.2, 0.45], np.float32)


def planted(shape: tuple[int, ...], zeros: bool, clusters: bool) -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    kernel = rng.choice(CENTROIDS, shape) if clusters else rng.normal(0, 0.2, shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.6, np.float32(0), kernel) if zeros else kernel


def steps_of_training(variable: Any, optimizer: Any, gradients: list[NDArray[np.float32]]) -> Any:
    """Train through a projection onto what the variable has now; gives what the projection makes of it then."""
    tf = tensorflow()
    project = projection(variable.numpy(), structure_of(variable.numpy()))
    for gradient in gradients:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(project(variable) * gradient)
        optimizer.apply_gradients([(tape.gradient(loss, variable), variable)])
    return project(variable).numpy()


@pytest.mark.parametrize(
    ("zeros", "clusters", "scheme"),
    [(False, False, "QAT"), (True, False, "PQAT"), (False, True, "CQAT"), (True, True, "PCQAT")],
)
def test_training_keeps_what_a_kernel_has_and_nothing_else(zeros: bool, clusters: bool, scheme: str) -> None:
    before = planted((3, 3, 4, 8), zeros, clusters)
    assert structure_of(before).scheme == scheme
    rng = np.random.default_rng(1)
    gradients = [rng.normal(0.3, 1, before.shape).astype(np.float32) for _ in range(3)]  # another for each weight
    after = steps_of_training(tensorflow().Variable(before), keras().optimizers.Adam(0.01), gradients)
    assert np.array_equal(after == 0, before == 0)
    assert np.mean(np.abs(after - before)[before != 0]) > 0.005  # a cluster moves as fast as a weight of its own
    if clusters:
        assert all(len(np.unique(after[before == value])) == 1 for value in CENTROIDS)
    else:
        assert len(np.unique(after)) > before[before != 0].size * 0.9


def test_clusters_of_each_channel_are_seen_in_small_channels() -> None:
    """16 values of 27 weights: most weights of the layer, and of each channel, are of a value of their own."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.2, (32, 16))
    channels = [[*levels, *rng.choice(levels, 11)] for levels in values]
    kernel = np.stack(channels, axis=-1).reshape(3, 3, 3, 32).astype(np.float32)
    assert len(np.unique(kernel)) > 0.5 * kernel.size
    assert structure_of(kernel).scheme == "CQAT"
    assert structure_of(kernel * (rng.random(kernel.shape) < 0.5)).scheme == "PCQAT"


def test_weights_that_are_equal_by_chance_are_no_clusters() -> None:
    kernel = np.random.default_rng(1).normal(0, 0.2, (512, 512)).astype(np.float32)
    assert len(np.unique(kernel)) < kernel.size
    assert structure_of(kernel).scheme == "QAT"


def test_a_held_cluster_goes_where_the_mean_of_its_gradients_points() -> None:
    variable = tensorflow().Variable(np.array([2.0, 2, 2, 2, 5, 5, 5, 5], np.float32))
    gradient = np.array([1.0, 2, 3, 6, 0, 0, 0, 4], np.float32)
    after = steps_of_training(variable, keras().optimizers.SGD(0.1), [gradient])
    assert after == pytest.approx([1.7] * 4 + [4.9] * 4)


@pytest.mark.parametrize(
    ("zeros", "clusters", "bits"),
    [
        (True, False, None),
        (True, True, 4),
        pytest.param(False, True, None, marks=pytest.mark.slow),
        (True, True, None),
    ],
)
def test_aware_training_keeps_zeros_and_clusters_in_the_file(
    tiny: Any, prepared: Path, zeros: bool, clusters: bool, bits: int | None
) -> None:
    model = copy_model(tiny)
    for name, kernel in kernels(model).items():
        layer = model.get_layer(name)
        layer.set_weights([planted(kernel.shape, zeros, clusters), *layer.get_weights()[1:]])
    settings = {"technique": "quantize", "mode": "int8", "training": "qat", "epochs": 1, "learning_rate": 0.003}
    technique = Quantize.read({**settings, "weight_bits": bits, "calibration": 50})
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    scheme = ("P" if zeros else "") + ("C" if clusters else "") + "QAT"
    assert result.details["schemes"] == dict.fromkeys(kernels(model), scheme)
    found = constants_by_layer(result.subject.flatbuffer, kernels(model))
    for name, kernel in kernels(model).items():
        expected = np.moveaxis(kernel, -1, 0)
        assert not zeros or np.all(found[name].values[expected == 0] == 0)
        assert not clusters or found[name].clusters() <= len(CENTROIDS) + zeros
        moved = found[name].real() * (255 if name == "conv2d" else 1) - expected  # the scaling was folded in
        assert np.abs(moved).max() > 0.005  # it was trained


@pytest.mark.parametrize("bits", [None, 4])
def test_aware_training_keeps_a_depthwise_convolutions_zeros_and_its_8_bits(prepared: Path, bits: int | None) -> None:
    layers = keras().layers
    body = [layers.Conv2D(6, 3, strides=2, name="convolution"), layers.DepthwiseConv2D(3, name="channelwise")]
    model = keras().Sequential([keras().Input(SHAPE), layers.Rescaling(1 / 255), *body, layers.Flatten()])
    model.add(layers.Dense(10, name="logits"))
    channelwise = model.get_layer("channelwise")
    before = planted((3, 3, 6, 1), zeros=True, clusters=False)
    channelwise.set_weights([before, *channelwise.get_weights()[1:]])
    settings = {"technique": "quantize", "mode": "int8", "training": "qat", "epochs": 1, "weight_bits": bits}
    technique = Quantize.read({**settings, "calibration": 50})
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    assert result.details["schemes"]["channelwise"] == "PQAT"
    found = constants_by_layer(result.subject.flatbuffer, ["channelwise", "convolution"])
    stored = found["channelwise"].values.reshape(3, 3, 6, 1)
    assert np.all(stored[before == 0] == 0)
    assert np.abs(stored).max() > 100
    assert (np.abs(found["convolution"].values).max() <= 7) == (bits == 4)
    assert {claim.layer for claim in result.claims if claim.kind == "levels"} == (
        {"convolution", "logits"} if bits else set()
    )
