from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed, tensorflow
from tasks.compression.clustering.grid import best_shares, simulate, steps_of, to_grid
from tasks.compression.weights import weight_of

RNG = np.random.default_rng(1)
KERNEL = (RNG.normal(size=(3, 3, 8, 6)) * np.geomspace(0.01, 1, 6)).astype(np.float32)


@pytest.mark.parametrize(("clusters", "steps"), [(3, 1), (15, 7), (16, 7), (255, 127)])
def test_there_are_no_more_levels_than_asked_for(clusters: int, steps: int) -> None:
    assert steps_of(clusters) == steps
    on_grid = to_grid(KERNEL, steps, 1.0)
    scales = np.abs(on_grid).max(axis=(0, 1, 2))
    assert np.allclose(scales, np.abs(KERNEL).max(axis=(0, 1, 2)))
    levels = np.unique(np.rint(on_grid / scales * 1000))
    assert set(levels) <= set(np.rint(np.arange(-steps, steps + 1) / steps * 1000))


def test_what_is_on_the_grid_stays_and_zero_is_on_it() -> None:
    on_grid = to_grid(KERNEL * (RNG.random(KERNEL.shape) > 0.5), 7, best_shares(KERNEL, 7))
    assert np.allclose(to_grid(on_grid, 7, 1.0), on_grid, rtol=1e-6)
    assert np.mean(on_grid == 0) > 0.5
    assert not np.any(to_grid(np.zeros_like(KERNEL), 7, 1.0))


def test_fewer_bits_are_best_with_a_smaller_largest_level() -> None:
    shares = [float(best_shares(KERNEL, steps).mean()) for steps in (1, 3, 7, 127)]
    assert shares == sorted(shares)
    assert shares[0] < 0.7
    assert shares[-1] > 0.95
    for steps in (1, 3, 7):
        errors = [np.sum((to_grid(KERNEL, steps, share) - KERNEL) ** 2) for share in (best_shares(KERNEL, steps), 1.0)]
        assert errors[0] < errors[1]


@pytest.mark.parametrize("kind", ["Conv2D", "Dense"])
def test_a_layer_computes_on_the_grid_and_its_own_weights_learn(kind: str) -> None:
    set_seed(1)
    layers, tf = keras().layers, tensorflow()
    layer: Any = layers.Conv2D(6, 3) if kind == "Conv2D" else layers.Dense(6)
    layer.build((None, 8, 8, 4))
    before, bias = layer.get_weights()
    shares = best_shares(before, 3)
    simulate(weight_of(layer, "kernel", layer.kernel), 3, shares)
    inputs = RNG.normal(size=(2, 8, 8, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        outputs = tf.function(layer)(inputs)
    plain = layer.__class__.from_config(layer.get_config())
    plain.build((None, 8, 8, 4))
    plain.set_weights([to_grid(before, 3, shares), bias])
    assert np.allclose(outputs, plain(inputs), atol=1e-5)
    assert [weight.shape for weight in layer.trainable_weights] == [before.shape, bias.shape]
    assert np.array_equal(layer.kernel.numpy(), before)
    gradient = tape.gradient(outputs, layer.kernel)
    with tf.GradientTape() as tape:
        outputs = plain(inputs)
    assert np.allclose(gradient, tape.gradient(outputs, plain.kernel), rtol=1e-4, atol=1e-4)
