from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.location import locate
from tasks.compression.promises import measure
from tasks.compression.quantization.aware import WeightLevels, train_aware
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.levels import (
    best_scale,
    largest_level,
    restrictable,
    round_to_levels,
    settle,
    settled_levels,
    trained_kernels,
)
from tasks.compression.quantization.modes import configurations
from tasks.compression.quantization.scales import stretch_scales
from tasks.compression.technique import Claim, Subject
from tasks.distortion import sqnr
from tasks.learning.conversion import convert
from tasks.litert import LiteRTModel
from tests.tasks.compression.cases import Made, calibration_samples, context
from tests.tasks.compression.named import constants_by_layer
from tests.tasks.training.material import SHAPE, answers, samples


def test_b_bits_have_levels_of_both_signs_alike() -> None:
    assert [largest_level(bits) for bits in (2, 3, 4, 8)] == [1, 3, 7, 127]


def test_the_scale_of_weights_that_are_levels_is_found() -> None:
    rng = np.random.default_rng(1)
    levels = rng.integers(-7, 8, (50, 3))
    levels[0] = 7
    steps = np.array([0.01, 0.5, 3.0], np.float32)
    found = best_scale((levels * steps).astype(np.float32), 7, per_channel=True)
    assert found == pytest.approx(steps)
    assert np.array_equal(round_to_levels((levels * steps).astype(np.float32), found, 7), levels)


def test_one_weight_far_out_does_not_widen_the_scale_of_all() -> None:
    weights = np.random.default_rng(1).normal(size=(4000, 1)).astype(np.float32)
    weights[0] = 12.0
    step = best_scale(weights, 7, per_channel=False)
    assert step.shape == ()
    assert 7 * step < 0.5 * 12
    error = weights - step * round_to_levels(weights, step, 7)
    full = np.float32(12 / 7)
    assert np.square(error).mean() < 0.6 * np.square(weights - full * round_to_levels(weights, full, 7)).mean()


def test_a_channel_of_zeros_takes_a_scale_of_the_others() -> None:
    weights = np.array([[0, 0.7, 1.4], [0, -0.2, 0.2]], np.float32)
    assert best_scale(weights, 7, per_channel=True)[0] == pytest.approx(0.1)
    assert np.all(best_scale(np.zeros((2, 3), np.float32), 7, per_channel=True) > 0)


def untrained(*_: Any) -> None:
    pass


def test_weights_on_a_threshold_take_the_level_that_they_were_trained_with(tiny: Any, prepared: Path) -> None:
    images, _ = samples("test", prepared, 50)
    simulated = {}

    def train(whole: Any, _: Any) -> None:
        aware = whole.layers[-1]
        for wrapper in filter(restrictable, aware.layers):
            ((kernel, quantizer, more),) = wrapper._weight_vars
            step = np.exp(quantizer.quantizer.log_scale.numpy())
            ulps = np.random.default_rng(1).integers(-2, 3, kernel.shape)
            kernel.assign((2.5 * step * (1 + ulps * np.finfo(np.float32).eps)).astype(np.float32))
            levels = np.rint((quantizer(kernel, False, more) / step).numpy())
            assert set(np.unique(levels)) == {2.0, 3.0}
            simulated[wrapper.layer.name] = levels

    aware = train_aware(tiny, train, calibration_samples(50, context(prepared)), images, WeightLevels(4))
    for name, levels in simulated.items():
        kernel = aware.model.get_layer(f"quant_{name}")._weight_vars[0][0].numpy()
        found = kernel / np.abs(kernel).reshape(-1, kernel.shape[-1]).max(axis=0)
        assert np.array_equal(np.rint(3 * found), levels)


@pytest.mark.parametrize("network", ["tiny", "residual"])
def test_the_file_has_small_integers_with_a_scale_for_each_channel(made: Made, network: str) -> None:
    flatbuffer, candidate = made(network, "aware int8 levels")
    layers = candidate.steps[0].changed
    for constant in constants_by_layer(flatbuffer, layers).values():
        assert constant.dtype == "int8"
        assert {-7, 0, 7} <= set(np.unique(constant.values)) <= set(range(-7, 8))
        assert len(constant.scales) == len(constant.values)
        assert len(set(constant.scales)) > 1


@pytest.fixture(scope="module")
def normalized() -> Any:
    """Dense layers with BatchNorm behind them, one without a bias; scales of both signs, a zero and nearly one."""
    set_seed(1)
    layers = keras().layers
    stack = []
    for name, bias in (("without", False), ("with", True)):
        stack += [
            layers.Dense(24, use_bias=bias, name=name),
            layers.BatchNormalization(name=f"norm_{name}"),
            layers.ReLU(),
        ]
    model = keras().Sequential(
        [keras().Input(SHAPE), layers.Rescaling(1 / 255), layers.Flatten(), *stack, layers.Dense(10, name="logits")]
    )
    chance = np.random.default_rng(1)
    for name in ("without", "with"):
        scale = chance.uniform(-1.5, 1.5, 24)
        scale[3:5] = 0, 1e-7
        shifts = [chance.uniform(-0.5, 0.5, 24) for _ in range(2)]
        model.get_layer(f"norm_{name}").set_weights([scale, *shifts, chance.uniform(0.5, 2.0, 24)])
    model.get_layer("with").bias.assign(chance.uniform(-0.5, 0.5, 24))
    return model


@pytest.mark.parametrize(
    ("network", "per_channel"),
    [("tiny", True), ("residual", False), pytest.param("residual", True, marks=pytest.mark.slow)],
)
def test_the_file_answers_as_the_simulation_does(
    request: pytest.FixtureRequest, prepared: Path, tmp_path: Path, network: str, per_channel: bool
) -> None:
    calibration = calibration_samples(50, context(prepared))
    images, _ = samples("test", prepared, 200)
    model = request.getfixturevalue(network)
    aware = train_aware(model, untrained, calibration, images, WeightLevels(4, per_channel))
    stretched = {name: np.ones_like(factor) for name, factor in aware.factors.items()}
    assert bool(stretched) == per_channel
    file = convert(aware.model, configurations(calibration)["int8"], float_input=True)
    path = tmp_path / "model.tflite"
    path.write_bytes(
        stretch_scales(file, stretched, locate(model, file, trained_kernels(aware.model)), settled_levels(aware.model))
    )
    expected = answers(aware.model, images)
    assert np.abs(LiteRTModel(path).predict(images) - expected).mean() < 0.01 * np.ptp(expected)
    for constant in constants_by_layer(file, aware.restricted).values():
        assert np.abs(constant.values).max() <= 7


@pytest.mark.parametrize("per_channel", [True, False])
def test_factors_of_normalization_become_scales_of_dense_layers(
    normalized: Any, prepared: Path, monkeypatch: pytest.MonkeyPatch, per_channel: bool
) -> None:
    images, _ = samples("test", prepared, 100)
    simulated = []

    def watched(model: Any) -> Any:
        simulated.append(np.asarray(model(images.astype(np.float32) / 255, training=False)))
        return settle(model)

    monkeypatch.setattr("tasks.compression.quantization.aware.settle", watched)
    calibration = calibration_samples(50, context(prepared))
    aware = train_aware(normalized, untrained, calibration, images, WeightLevels(4, per_channel))
    file = convert(aware.model, configurations(calibration)["int8"], float_input=True)
    places = locate(normalized, file, trained_kernels(aware.model))
    file = stretch_scales(file, aware.factors, places, settled_levels(aware.model))
    assert np.abs(run_file(file, images) - simulated[0]).mean() < 0.01 * np.ptp(simulated[0])
    claims = [Claim(name, "levels", 7.0) for name in aware.restricted]
    assert {claim.layer for claim in claims} == {"without", "with", "logits"}
    assert all(promise.holds for promise in measure(claims, Subject(None, file, places)))


def called_twice() -> Any:
    """A convolution that is called twice, and a dense layer too."""
    set_seed(2)
    layers = keras().layers
    image = keras().Input(SHAPE)
    convolution, dense = layers.Conv2D(1, 3, padding="same", name="twice"), layers.Dense(16, name="dense")
    signal = layers.Reshape((16, 16))(convolution(convolution(layers.Rescaling(1 / 255)(image))))
    return keras().Model(image, layers.Dense(10, name="logits")(layers.Flatten()(dense(dense(signal)))))


@pytest.mark.parametrize("per_channel", [True, False])
def test_levels_of_a_layer_that_is_called_twice_stay(prepared: Path, per_channel: bool) -> None:
    model, calibration = called_twice(), calibration_samples(50, context(prepared))
    images, _ = samples("test", prepared, 100)
    aware = train_aware(model, untrained, calibration, images, WeightLevels(4, per_channel), images)
    file = convert(aware.model, configurations(calibration)["int8"], float_input=True)
    places = locate(model, file, trained_kernels(aware.model))
    claims = [Claim(name, "levels", 7.0) for name in ("twice", "dense", "logits")]
    assert not all(promise.holds for promise in measure(claims, Subject(None, file, places)))
    file = stretch_scales(file, aware.factors, places, settled_levels(aware.model))
    assert all(promise.holds for promise in measure(claims, Subject(None, file, places)))
    assert aware.answers is not None
    assert sqnr(aware.answers, run_file(file, images)) > 25
