from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.backend import keras
from tasks.compression.quantization.aware import WeightLevels, train_aware
from tasks.compression.quantization.head import split_head
from tasks.compression.quantization.normalization import fresh_statistics, measure_statistics
from tests.tasks.compression.cases import calibration_samples, context
from tests.tasks.training.material import samples


def normalizations(model: Any) -> list[Any]:
    return [
        layer for layer in model.layers if isinstance(getattr(layer, "layer", layer), keras().layers.BatchNormalization)
    ]


def worst_fit(model: Any, inputs: NDArray[Any]) -> float:
    """By how much the statistics are beside those of what enters, at most, in standard deviations."""
    errors = []
    for found in normalizations(model):
        layer = getattr(found, "layer", found)
        entering = keras().Model(model.input, found.input)(inputs, training=False).numpy()
        deviation = entering.std(axis=(0, 1, 2))
        off = entering.mean(axis=(0, 1, 2)) - layer.moving_mean, deviation - np.sqrt(layer.moving_variance)
        errors.append(np.abs(off) / np.maximum(deviation, 1e-3))
    return float(np.max(errors))


@pytest.fixture
def inputs(prepared: Path) -> NDArray[np.float32]:
    images, _ = samples("train", prepared, 600)
    return (images / 255).astype(np.float32)


def test_the_statistics_are_those_of_what_enters(residual: Any, inputs: NDArray[np.float32]) -> None:
    _, body = split_head(residual)
    for found in normalizations(body):
        found.moving_mean.assign_add(np.ones(found.moving_mean.shape))
    assert worst_fit(body, inputs) > 0.5
    names = measure_statistics(body, inputs)  # the later layers get what the earlier ones give now
    assert names == tuple(layer.name for layer in normalizations(body))
    assert len(names) == 2
    assert worst_fit(body, inputs) < 1e-3


def test_one_that_is_not_trained_keeps_what_it_has(residual: Any, inputs: NDArray[np.float32]) -> None:
    _, body = split_head(residual)
    first, second = normalizations(body)
    first.trainable = False
    before = first.moving_mean.numpy()
    assert measure_statistics(body, inputs) == (second.name,)
    assert np.array_equal(first.moving_mean.numpy(), before)


def test_a_network_without_any_stays_as_it_is(article: Any, inputs: NDArray[np.float32]) -> None:
    _, body = split_head(article)
    assert measure_statistics(body, inputs) == ()


def test_validation_sees_fresh_ones(residual: Any, inputs: NDArray[np.float32]) -> None:
    _, body = split_head(residual)
    body.compile(loss="mse")
    for found in normalizations(body):
        found.moving_variance.assign(4 * found.moving_variance)
    targets = np.zeros((len(inputs), body.output_shape[-1]))
    body.evaluate(inputs, targets, verbose=0)
    assert worst_fit(body, inputs) > 0.3
    body.evaluate(inputs, targets, verbose=0, callbacks=[fresh_statistics(body, inputs)])
    assert worst_fit(body, inputs) < 1e-3


def test_what_is_trained_has_those_of_its_levels(residual: Any, prepared: Path, inputs: NDArray[np.float32]) -> None:
    def train(whole: Any, _: Any) -> None:
        for found in normalizations(whole.layers[-1]):
            found.layer.moving_mean.assign_add(np.ones(found.layer.moving_mean.shape))

    calibration = calibration_samples(50, context(prepared))
    images = np.rint(inputs * 255)
    aware = train_aware(residual, train, calibration, images, WeightLevels(3)).model
    assert worst_fit(aware, images) < 0.1  # the last rounding, of 8 bits, is not of what was measured
