from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.quantization.normalization import measure_statistics
from tasks.learning.fitting import Plan, fit
from tasks.learning.normalization import following_averages
from tasks.learning.saving import copy_model
from tests.tasks.training.material import CLASSES, SHAPE, answers, samples


def normalized() -> Any:
    set_seed(3)
    layers = keras().layers
    stack = [layers.Rescaling(1 / 255), layers.Conv2D(8, 3, strides=2), layers.BatchNormalization(name="norm")]
    return keras().Sequential([keras().Input(SHAPE), *stack, layers.ReLU(), layers.Flatten(), layers.Dense(CLASSES)])


@pytest.mark.parametrize(("steps", "momentum"), [(2, 0.0), (15, 0.8), (300, 0.99), (3000, 0.99)])
def test_averages_are_of_a_third_of_an_epoch_or_of_what_the_layer_asks_for(steps: int, momentum: float) -> None:
    inner = normalized()
    model = keras().Sequential([keras().Input(SHAPE), inner])
    layer = inner.get_layer("norm")

    def stopped() -> None:
        with following_averages(model, steps):
            assert layer.momentum == pytest.approx(momentum)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stopped()
    assert layer.momentum == 0.99


def test_a_training_of_few_steps_ends_with_the_statistics_of_what_it_made(prepared: Path) -> None:
    """Thirty steps: with a momentum of 0.99 three quarters of mean and variance would be those of the first network."""
    model, inputs = normalized(), samples("train", prepared)[0].astype(np.float32)
    fit(model, Plan(epochs=2, batch_size=64, learning_rate=0.01, seed=1, keep_best=False), prepared, say=lambda _: None)
    measured = copy_model(model)
    measure_statistics(measured, inputs)
    found, right = (each.get_layer("norm").get_weights()[2:] for each in (model, measured))
    for got, wanted in zip(found, right, strict=True):
        assert np.linalg.norm(got - wanted) < 0.2 * np.linalg.norm(wanted)
    images, _ = samples("test", prepared)
    same = answers(model, images).argmax(axis=1) == answers(measured, images).argmax(axis=1)
    assert same.mean() > 0.95
