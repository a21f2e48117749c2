from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy.special import softmax

from tasks.backend import keras, set_seed
from tasks.compression.sparsity.criteria import BATCH, Criterion, score_weights
from tasks.compression.weights import values as kernels
from tasks.learning.saving import copy_model, weights_digest
from tasks.workloads.outcomes.classes.settings import ClassesSettings
from tests.tasks.training.material import CLASSES, SHAPE, samples

COUNT = 96


@pytest.fixture(scope="module")
def linear() -> Any:
    """Logits that are linear in the pixels, so that every score has a formula."""
    set_seed(2)
    layers = keras().layers
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(CLASSES, name="logits")]
    return keras().Sequential([keras().Input(SHAPE), *stack])


def score(model: Any, criterion: Criterion, prepared: Path, seed: int = 1) -> Any:
    return score_weights(model, list(kernels(model)), criterion, COUNT, prepared, seed)


def test_the_settings_of_the_outcome_are_in_the_loss_that_criteria_look_at(linear: Any, prepared: Path) -> None:
    paths, plain = list(kernels(linear)), score(linear, "taylor", prepared)["logits"]
    twice = ClassesSettings(weights={str(number): 2.0 for number in range(CLASSES)})
    weighted = score_weights(linear, paths, "taylor", COUNT, prepared, 1, twice)["logits"]
    assert np.allclose(weighted, 2 * plain, rtol=1e-4)


def test_scores_are_those_of_the_formulas(linear: Any, prepared: Path) -> None:
    images, labels = samples("train", prepared, COUNT)
    pixels = images.reshape(COUNT, -1) / 255.0
    weights, bias = (value.astype(np.float64) for value in linear.get_layer("logits").get_weights())
    error = softmax(pixels @ weights + bias, axis=1) - np.eye(CLASSES)[labels]
    gradients = pixels[:, :, None] * error[:, None, :]  # of the loss of each sample
    in_batches = gradients.reshape(COUNT // BATCH, BATCH, *weights.shape).mean(axis=1)
    expected: dict[Criterion, Any] = {
        "magnitude": np.abs(weights),
        "taylor": np.abs(weights * in_batches).mean(axis=0),
        "snip": np.abs(weights * gradients.mean(axis=0)),
        "fisher": weights**2 * (gradients**2).mean(axis=0) / 2,
        "output": weights**2 * (pixels**2).mean(axis=0)[:, None],
    }
    for criterion, formula in expected.items():
        assert np.allclose(score(linear, criterion, prepared)["logits"], formula, rtol=1e-4, atol=1e-9), criterion


def test_the_random_scores_follow_from_the_seed(linear: Any, prepared: Path) -> None:
    first, again, other = (score(linear, "random", prepared, seed)["logits"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0.4 < first.mean() < 0.6


@pytest.mark.parametrize("criterion", get_args(Criterion))
def test_what_no_signal_goes_through_is_needed_least_though_its_weights_are_large(
    tiny: Any, prepared: Path, criterion: Criterion
) -> None:
    """Two channels of the convolution are always off; their weights are the largest of all."""
    model = copy_model(tiny)
    kernel, bias = model.get_layer("conv2d").get_weights()
    kernel[..., :2], bias[:2] = 3.0, -1000.0
    model.get_layer("conv2d").set_weights([kernel, bias])
    dense, more = model.get_layer("logits").get_weights()
    planted = np.zeros((7, 7, 16, CLASSES), bool)
    planted[:, :, :2] = True
    dense[planted.reshape(dense.shape)] = 3.0
    model.get_layer("logits").set_weights([dense, more])
    before = weights_digest(model)
    scores = score(model, criterion, prepared)
    assert weights_digest(model) == before
    useless = scores["logits"][planted.reshape(dense.shape)]
    rest = scores["logits"][~planted.reshape(dense.shape)]
    if criterion == "magnitude":
        assert useless.min() > rest.max()
        assert scores["conv2d"][..., :2].min() > scores["conv2d"][..., 2:].max()
    elif criterion == "random":
        assert 0.3 < np.mean(useless) < 0.7
    else:
        assert np.all(useless == 0)
        assert np.all(scores["conv2d"][..., :2] == 0)
        assert np.mean(rest > 0) > 0.9
