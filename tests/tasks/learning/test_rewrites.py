from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed, tensorflow
from tasks.learning.conversion import fold_scaling
from tasks.learning.rewrites import (
    called_once,
    float32_db,
    is_elementwise,
    is_exactly,
    noise,
    noted,
    only_reader,
    why_not_exact,
)
from tasks.learning.saving import copy_model, weights_digest
from tests.tasks.training import material, odd_networks
from tests.tasks.training.odd_networks import own_layers, stack


def test_a_subclass_is_not_its_class() -> None:
    layers = keras().layers
    assert is_exactly(layers.Conv2D(1, 1), "Dense", "Conv2D")
    assert not is_exactly(layers.DepthwiseConv2D(1), "Conv2D")
    assert not is_exactly(own_layers()["Standardized"](1, 1), "Conv2D")


def test_calls_and_readers_are_counted_in_the_network() -> None:
    once, twice, tied = material.residual(), odd_networks.called_twice(), material.residual()
    assert called_once(once, once.layers[2])
    assert not called_once(twice, twice.get_layer("first"))
    assert only_reader(once, once.layers[1]) is once.layers[2]
    shared = next(layer for layer in once.layers if isinstance(layer, keras().layers.ReLU))
    assert only_reader(once, shared) is None  # a convolution and the sum
    assert only_reader(once, once.get_layer("logits")) is None  # it is what the network gives
    first, second = (layer for layer in tied.layers if isinstance(layer, keras().layers.Conv2D))
    second.kernel = first.kernel
    assert not called_once(tied, first)


ACTIVATIONS: dict[str, tuple[Callable[[], Any], bool]] = {
    "by name": (lambda: keras().layers.Dense(1, activation="hard_sigmoid").activation, True),
    "none": (lambda: keras().layers.Dense(1).activation, True),
    "of TensorFlow": (lambda: tensorflow().nn.relu6, True),
    "a layer": (lambda: keras().layers.LeakyReLU(0.2), True),
    "softmax": (lambda: keras().activations.softmax, False),
    "a softmax layer": (lambda: keras().layers.Softmax(axis=-1), False),
    "a slope for each place": (lambda: keras().layers.PReLU(shared_axes=(1, 2)), False),
    "a user's own": (lambda: lambda values: values, False),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_only_activations_that_are_known_are_elementwise(name: str) -> None:
    activation, elementwise = ACTIVATIONS[name]
    assert is_elementwise(activation()) == elementwise


def test_outputs_before_and_after_are_compared(tiny: Any) -> None:
    assert why_not_exact(tiny, copy_model(tiny)) == ""
    moved = copy_model(tiny)
    moved.set_weights([weight * np.float32(1.0001) for weight in tiny.get_weights()])
    assert why_not_exact(tiny, moved).startswith("its outputs would agree to 7")
    assert why_not_exact(tiny, moved, 60.0) == ""
    shorter = keras().Model(tiny.inputs, tiny.layers[1].output)
    assert why_not_exact(tiny, shorter) == "outputs (7, 7, 16) instead of (10,)"


def test_what_the_last_place_of_weights_decides_is_measured_and_leaves_them(tiny: Any) -> None:
    before = weights_digest(tiny)
    assert 115 < float32_db(tiny, noise(tiny)) < 150
    assert weights_digest(tiny) == before


def test_what_was_rewritten_is_noted_once_with_the_reason() -> None:
    with noted() as rows:
        for _ in range(2):
            set_seed(1)
            fold_scaling(material.tiny())
            fold_scaling(odd_networks.standardized())
            fold_scaling(stack(own_layers()["Noisy"](), keras().layers.Conv2D(1, 1)))
    rewrite = "scaling into the first kernel"
    assert [(row["rewrite"], row["taken"], row["reason"]) for row in rows] == [
        (rewrite, "yes", ""),
        (rewrite, "no", "a Standardized follows, no Conv2D or Dense"),
        (rewrite, "no", "a Noisy follows, no Conv2D or Dense"),
    ]


def test_a_rewrite_that_moves_the_outputs_is_not_taken() -> None:
    layers = keras().layers
    model = stack(layers.Conv2D(2, 3, name="first"), own_layers()["Noisy"]())
    with noted() as rows:
        kept = fold_scaling(model)
    assert any(isinstance(layer, layers.Rescaling) for layer in kept.layers)
    assert rows[0]["layer"] == "first"
    assert rows[0]["reason"].startswith("its outputs would agree to")
