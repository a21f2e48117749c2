from typing import Any

import numpy as np
import pytest

from tasks.backend import keras
from tasks.compression.quantization.head import split_head
from tasks.learning.saving import copy_model
from tests.tasks.compression.zoo.handmade import HANDMADE, one_relu, twice
from tests.tasks.training.material import answers

QUICK = {"attention", "nested", "one_relu", "operations", "resized", "siamese"}
IMAGES = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 1)).astype(np.uint8)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in sorted(set(HANDMADE) - {"not_a_number", "infinite", "embedded"})
    ],
)
def test_head_and_body_one_after_the_other_answer_as_the_whole(name: str) -> None:
    model = HANDMADE[name]()
    head, body = split_head(model)
    assert head is not None
    assert not {layer.name for layer in body.layers} & {layer.name for layer in head.layers}
    prepared = np.asarray(head(IMAGES))
    assert np.allclose(answers(body, prepared), answers(model, IMAGES), atol=1e-5)
    assert np.array_equal(answers(copy_model(body), prepared), answers(body, prepared))


@pytest.mark.parametrize("build", [one_relu, twice])
def test_a_layer_that_is_called_twice_is_one_layer_of_the_body(build: Any) -> None:
    model = build()
    _, body = split_head(model)
    assert body.count_params() == model.count_params()
    shared = body.get_layer("relu" if build is one_relu else "twice")
    assert len(shared.inbound_nodes) == 2


def test_of_a_model_that_only_prepares_nothing_is_split_off() -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input((16, 16, 1)), layers.Rescaling(1 / 255), layers.CenterCrop(8, 8)])
    head, body = split_head(model)
    assert head is None
    assert np.array_equal(answers(body, IMAGES), answers(model, IMAGES))


def test_a_head_that_is_called_twice_stays() -> None:
    layers = keras().layers
    image = keras().Input((16, 16, 1))
    scaling = layers.Rescaling(0.1)
    model = keras().Model(image, layers.Flatten()(scaling(scaling(image))))
    head, body = split_head(model)
    assert head is None
    assert np.array_equal(answers(body, IMAGES), answers(model, IMAGES))
