from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed, tensorflow
from tasks.compression.clustering.scaled import scaled_inputs
from tests.tasks.compression.cases import carry_out
from tests.tasks.training.material import CLASSES, SHAPE


@pytest.fixture(scope="module")
def normalized() -> Any:
    """Rows of the image through normalizations with factors of their own, dense layers behind them."""
    set_seed(2)
    layers = keras().layers
    image = keras().Input(SHAPE)
    signal = layers.Dense(16, name="first")(layers.Reshape((16, 16))(layers.Rescaling(1 / 255)(image)))
    signal = layers.Dense(16, name="behind_layer_norm")(layers.Dropout(0.1)(layers.LayerNormalization()(signal)))
    signal = layers.Dense(16, name="behind_relu")(layers.ReLU()(layers.BatchNormalization()(signal)))
    signal = layers.Dense(16, name="behind_batch_norm")(layers.BatchNormalization()(signal))
    signal = layers.Dense(16, name="behind_product")(signal * tensorflow().linspace(0.5, 1.5, 16))
    signal = layers.Dense(16, name="behind_shift")(layers.LayerNormalization(scale=False)(signal))
    model = keras().Model(image, layers.Dense(CLASSES, name="logits")(layers.Flatten()(signal)))
    for layer in model.layers:
        if getattr(layer, "gamma", None) is not None:
            layer.gamma.assign(np.random.default_rng(1).uniform(0.5, 1.5, 16))
    return model


def test_dense_layers_behind_a_factor_for_each_input_are_found(normalized: Any) -> None:
    assert set(scaled_inputs(normalized)) == {"behind_layer_norm", "behind_batch_norm", "behind_product"}


def test_clusters_are_promised_where_the_file_has_them(normalized: Any, prepared: Path) -> None:
    steps = [{"technique": "cluster", "clusters": 9, "levels": "grid", "epochs": 0}]
    _, candidate = carry_out("r", steps, normalized, prepared)
    assert set(candidate.steps[0].changed) == {"first", "behind_relu", "behind_shift", "logits"}
    assert all(promise.holds for promise in candidate.steps[-1].promises)
