from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.inlining import inline_models
from tasks.compression.recipe import parse_recipe
from tasks.compression.technique import Subject
from tasks.compression.weights import values as kernels
from tasks.learning.rewrites import noise, noted
from tests.tasks.compression.awkward import names
from tests.tasks.compression.cases import carry_out, context
from tests.tasks.compression.zoo.handmade import nested, operations, same_name
from tests.tasks.training.material import CLASSES, SHAPE


def block(name: str, channels: int = 8, **settings: Any) -> Any:
    """A functional model with a sum, TensorFlow's operations, dropout and BatchNorm inside."""
    layers = keras().layers
    inputs = keras().Input((None, None, channels))
    signal = layers.Conv2D(channels, 3, padding="same", name="conv")(inputs)
    signal = layers.BatchNormalization(name="norm", momentum=0.5)(signal)
    signal = layers.Dropout(0.5, name="drop")(signal * 0.5)
    return keras().Model(inputs, layers.Add(name="sum")([inputs, signal]), name=name, **settings)


def around(called: Any) -> Any:
    """A classifier with what ``called`` makes of a convolution's output inside."""
    set_seed(3)
    layers = keras().layers
    inputs = keras().Input(SHAPE)
    signal = layers.Conv2D(8, 3, strides=2, name="stem")(layers.Rescaling(1 / 255)(inputs))
    signal = layers.GlobalAveragePooling2D()(called(signal))
    return keras().Model(inputs, layers.Dense(CLASSES, name="logits")(signal))


def shared() -> Any:
    """A model called twice, within another one too."""
    inner = block("block")
    inputs = keras().Input((None, None, 8))
    outer = keras().Sequential([inputs, keras().layers.ReLU(name="relu"), inner], name="outer")
    return around(lambda signal: inner(outer(signal)))


def two_outputs() -> Any:
    """A model with two inputs and two outputs, the second of which is read first."""
    layers = keras().layers
    one, other = keras().Input((None, None, 8)), keras().Input((None, None, 8))
    inner = keras().Model(
        [one, other], [layers.Add()([one, other]), layers.Conv2D(8, 1, name="conv")(other)], name="two"
    )

    def called(signal: Any) -> Any:
        sums, made = inner([signal, layers.ReLU()(signal)])
        return layers.Concatenate()([made, sums])

    return around(called)


def last() -> Any:
    """A model that gives the logits."""
    inner = keras().Sequential(
        [keras().Input(SHAPE), keras().layers.Flatten(), keras().layers.Dense(10, name="logits")]
    )
    return keras().Sequential([keras().Input(SHAPE), inner])


@pytest.mark.parametrize(
    "build", [nested, same_name, names, shared, two_outputs, last], ids=lambda build: build.__name__
)
def test_the_layers_of_a_model_give_what_it_gave(build: Any) -> None:
    model = build()
    inlined = inline_models(model)
    images = noise(model)
    assert not [layer for layer in inlined.layers if isinstance(layer, keras().models.Model)]
    assert np.asarray(inlined(images)) == pytest.approx(np.asarray(model(images)), abs=1e-6)
    assert inlined.count_params() == model.count_params()


def test_layers_are_called_by_their_paths() -> None:
    assert set(kernels(inline_models(nested()))) == {"front/conv2d", "front/conv2d_1", "block/inner", "logits"}
    assert set(kernels(inline_models(shared()))) == {"stem", "outer/block/conv", "logits"}
    assert {"block/conv", "block/conv_2"} <= set(kernels(inline_models(names())))


def test_a_network_without_models_is_given_back() -> None:
    model = operations()
    assert inline_models(model) is model


def test_a_model_that_is_called_for_inference_stays_so_in_training() -> None:
    inner = block("block")
    inner.trainable = False
    model = around(lambda signal: inner(signal, training=False))
    inlined, images = inline_models(model), noise(model)
    assert np.asarray(inlined(images, training=True)) == pytest.approx(np.asarray(model(images)), abs=1e-6)
    assert len(inlined.trainable_weights) == len(model.trainable_weights) == 4
    still = around(block("block"))
    assert not np.allclose(inline_models(still)(images, training=True), still(images), atol=1e-3)


def test_a_model_that_may_do_more_stays_whole_and_that_is_noted() -> None:
    class Own(keras().Model):  # type: ignore[misc]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return -super().call(inputs, training, mask)

    plain = block("plain")
    own = Own(plain.input, plain.output, name="own")
    with noted() as rows:
        inlined = inline_models(around(lambda signal: own(block("block")(signal))))
    assert {(row["layer"], row["reason"]) for row in rows} == {
        ("own", "a Own may compute something else"),
        ("block", ""),
    }
    assert "block/conv" in kernels(inlined)
    assert inlined.get_layer("own").count_params() == own.count_params()


RATIO = {"by": "ratio", "ratio": 0.3}


@pytest.mark.parametrize(
    ("step", "left"),
    [
        ({"technique": "prune", "sparsity": 0.5, "epochs": 0, "budget": "global"}, set()),
        ({"technique": "cluster", "clusters": 8, "epochs": 0}, set()),
        ({"technique": "factorize", "rank": RATIO, "calibration": 0}, set()),
        ({"technique": "factorize", "rank": RATIO, "calibration": 0, "exclude": ["front"]}, {"front/conv2d_1"}),
        ({"technique": "prune_channels", "budget": {"metric": "macs", "max_ratio": 0.5}, "repair": "none"}, set()),
        ({"technique": "prune_channels", "layers": {"front/conv2d": 4}, "exclude": ["block"]}, {"block/inner"}),
    ],
    ids=lambda value: value["technique"] if isinstance(value, dict) else "",
)
def test_layers_of_models_are_compressed(step: dict[str, Any], left: set[str], prepared: Path) -> None:
    technique = parse_recipe("r", [step])[0]
    result = technique.apply(Subject(inline_models(nested())), context(prepared))
    inner = {"front/conv2d_1", "block/inner"}
    assert set(result.changed) & inner == inner - left


def test_what_is_promised_of_layers_of_models_is_measured_in_the_file(prepared: Path) -> None:
    steps = [
        {"technique": "prune", "sparsity": 0.5, "epochs": 0, "budget": "global"},
        {"technique": "quantize", "mode": "int8", "calibration": 50},
    ]
    _, candidate = carry_out("r", steps, nested(), prepared)
    promises = {promise.layer: promise.holds for promise in candidate.steps[-1].promises}
    assert promises == dict.fromkeys(("front/conv2d", "front/conv2d_1", "block/inner", "logits"), True)
    assert "model within as its layers" in {row["rewrite"] for row in candidate.steps[0].details["rewrites"]}
