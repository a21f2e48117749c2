from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.separable import split_separable
from tasks.compression.weights import values as kernels
from tasks.learning.rewrites import noted
from tests.tasks.compression.cases import carry_out
from tests.tasks.training.material import SHAPE, answers, samples

DATA = {"strides": 2, "padding": "same", "depth_multiplier": 2, "activation": "relu"}


def separable(**settings: Any) -> Any:
    """A classifier of the digits with a separable convolution."""
    set_seed(3)
    layers = keras().layers
    body = [
        keras().Input(SHAPE),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="first"),
        layers.SeparableConv2D(6, 3, name="separable", bias_initializer="normal", **settings),
        layers.Flatten(),
        layers.Dense(10, name="logits"),
    ]
    return keras().Sequential(body)


@pytest.mark.parametrize("settings", [DATA, {"use_bias": False, "dilation_rate": 2}], ids=["strides", "dilation"])
def test_two_layers_give_what_the_one_gave(settings: dict[str, Any], prepared: Path) -> None:
    model = separable(**settings)
    split = split_separable(model)
    images, _ = samples("test", prepared, 50)
    assert answers(split, images) == pytest.approx(answers(model, images), abs=1e-6)
    assert set(kernels(split)) == {"first", "separable_depthwise", "separable", "logits"}
    assert split.count_params() == model.count_params()


def test_both_kernels_are_pruned_and_measured_in_the_file(prepared: Path) -> None:
    steps = [
        {"technique": "prune", "sparsity": 0.5, "allocation": "global", "epochs": 0},
        {"technique": "quantize", "mode": "int8", "calibration": 50},
    ]
    _, candidate = carry_out("chain", steps, separable(**DATA), prepared)
    names = {"first", "separable_depthwise", "separable", "logits"}
    assert {state.layer for state in candidate.steps[-1].layers} == names
    assert {promise.layer for promise in candidate.steps[-1].promises if promise.holds} == names
    zeros = sum(state.zeros * np.prod(state.shape) for state in candidate.steps[0].layers)
    assert zeros / sum(np.prod(state.shape) for state in candidate.steps[0].layers) == pytest.approx(0.5, abs=0.01)


def test_a_subclass_stays_whole_and_that_is_noted() -> None:
    class Own(keras().layers.SeparableConv2D):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return -super().call(inputs)

    inputs = keras().Input(SHAPE)
    model = keras().Model(inputs, keras().layers.Flatten()(Own(3, 3, name="own")(inputs)))
    with noted() as rows:
        whole = split_separable(model)
    assert [layer.name for layer in whole.layers] == [layer.name for layer in model.layers]
    assert [(row["layer"], row["reason"]) for row in rows] == [("own", "a Own may compute something else")]
