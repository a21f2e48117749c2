from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from tasks.backend import keras, set_seed
from tasks.compression.quantization.aware import Train, fold, join, measure_ranges, train_aware
from tasks.compression.quantization.float_file import run_file
from tasks.compression.quantization.head import split_head
from tasks.compression.quantization.modes import configurations
from tasks.compression.retraining import Retraining, retrain
from tasks.compression.tfmot import tfmot
from tasks.errors import CompressionError, Unsuited
from tasks.learning.conversion import convert, fold_scaling
from tasks.learning.fitting import Plan
from tasks.learning.saving import weights_digest
from tasks.litert import LiteRTModel
from tests.tasks.compression.cases import calibration_samples, context
from tests.tasks.compression.zoo.handmade import (
    HANDMADE,
    attention,
    bent,
    embedded,
    nested,
    one_batch_norm,
    one_relu,
    one_reshape,
    operations,
    rows,
    separable_rows,
    siamese,
    subclassed,
    twice,
)
from tests.tasks.training.material import CLASSES, SHAPE, SPECS, answers, samples, trained


def training(prepared: Path, **settings: Any) -> Train:
    return lambda model, callbacks: retrain(model, Retraining(**settings), context(prepared), callbacks)


def train_images(prepared: Path) -> NDArray[Any]:
    return samples("train", prepared, 200)[0]


def ranges(layer: Any) -> dict[str, float]:
    return {variable.name.split("/")[-1].removesuffix(":0"): float(variable) for variable in layer.weights[-2:]}


def test_ranges_begin_where_the_activations_are(article: Any, prepared: Path) -> None:
    images = samples("train", prepared, 120)[0].astype(np.float32)
    head, body = split_head(article)
    aware = tfmot().quantization.keras.quantize_model(body)
    assert ranges(aware.get_layer("quant_dense")) == {"post_activation_min": -6.0, "post_activation_max": 6.0}
    assert head is not None
    measure_ranges(aware, body, images / 255)
    for name in ("conv2d", "conv2d_1", "dense", "logits"):
        activations = keras().Model(article.input, article.get_layer(name).output)(images, training=False).numpy()
        expected = {
            "post_activation_min": pytest.approx(min(0.0, float(activations.min())), rel=1e-4),
            "post_activation_max": pytest.approx(float(activations.max()), rel=1e-4),
        }
        assert ranges(aware.get_layer(f"quant_{name}")) == expected


def test_a_layer_that_tfmot_does_not_simulate_is_named_before_training(prepared: Path) -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input(SHAPE), layers.Flatten(), layers.Dense(8), layers.PReLU(name="bent")])
    with pytest.raises(CompressionError, match=r"Received: Layer bent.* is not supported.*training: none"):
        train_aware(model, training(prepared, epochs=1), lambda: iter(()), train_images(prepared))


@pytest.mark.parametrize("network", ["article", "residual"])
def test_folding_the_scaling_in_is_exact(request: pytest.FixtureRequest, prepared: Path, network: str) -> None:
    images, _ = samples("test", prepared, 200)
    head, body = split_head(request.getfixturevalue(network))
    aware = tfmot().quantization.keras.quantize_model(body)
    assert head is not None
    measure_ranges(aware, body, images[:50].astype(np.float32) / 255)
    whole = join(head, aware)
    entry = aware.layers[1]
    for variable in entry.weights:
        if variable.name.endswith(("_min:0", "_max:0")):
            variable.assign(0.0 if variable.name.endswith("_min:0") else 1.0)
    aware(images[:50].astype(np.float32) / 255, training=True)  # takes the ranges of the kernels
    before = answers(whole, images)
    assert np.ptp(before) > 1
    fold(aware, head.layers[-1].scale, SPECS[0])
    assert np.allclose(answers(aware, images), before, atol=1e-3)


def test_the_int8_file_answers_as_the_trained_model(tiny: Any, prepared: Path, tmp_path: Path) -> None:
    before = weights_digest(tiny)
    calibration = calibration_samples(100, context(prepared))
    aware = train_aware(tiny, training(prepared, epochs=1), calibration, train_images(prepared)).model
    assert weights_digest(tiny) == before
    assert abs(ranges(aware.get_layer("quant_conv2d"))["post_activation_min"]) < 0.1  # what a ReLU gives; not near -6
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(aware, configurations(calibration)["int8"], float_input=True))
    images, labels = samples("test", prepared)
    simulated, real = answers(aware, images).argmax(axis=1), LiteRTModel(path).predict(images).argmax(axis=1)
    assert np.mean(simulated == real) > 0.98
    assert abs(np.mean(simulated == labels) - np.mean(real == labels)) < 0.01
    assert np.mean(real == labels) > 0.9


def test_a_scaling_that_cannot_be_folded_stays(prepared: Path, tmp_path: Path) -> None:
    set_seed(1)
    layers = keras().layers
    stack = [layers.Rescaling(1 / 127.5, -1.0), layers.Flatten(), layers.Dense(CLASSES)]
    model = keras().Sequential([keras().Input(SHAPE), *stack])
    calibration = calibration_samples(100, context(prepared))
    train = training(prepared, epochs=3, learning_rate=0.01)
    aware = train_aware(model, train, calibration, train_images(prepared)).model
    assert any(isinstance(layer, layers.Rescaling) for layer in aware._flatten_layers())
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(aware, configurations(calibration)["int8"], float_input=True))
    images, _ = samples("test", prepared)
    assert np.mean(answers(aware, images).argmax(axis=1) == LiteRTModel(path).predict(images).argmax(axis=1)) > 0.95


def test_a_head_of_several_layers_is_split_off_and_joined_again(prepared: Path, tmp_path: Path) -> None:
    set_seed(1)
    layers = keras().layers
    head = [layers.Resizing(8, 8), layers.Normalization(mean=[80.0], variance=[2500.0])]
    stack = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(CLASSES)]
    model = keras().Sequential([keras().Input(SHAPE), *head, *stack])
    calibration = calibration_samples(100, context(prepared))
    train = training(prepared, epochs=3, learning_rate=0.01)
    aware = train_aware(model, train, calibration, train_images(prepared)).model
    pixels = [variable for variable in aware.weights if "quantize_layer" in variable.name]
    ends = [float(each) for each in pixels if each.name.endswith(("_min:0", "_max:0"))]
    assert sorted(ends) == pytest.approx([-1.6, 3.5])
    path = tmp_path / "model.tflite"
    path.write_bytes(convert(aware, configurations(calibration)["int8"], float_input=True))
    images, labels = samples("test", prepared)
    found = LiteRTModel(path).predict(images).argmax(axis=1)
    assert np.mean(found == labels) > 0.8
    assert np.mean(answers(aware, images).argmax(axis=1) == found) > 0.95


def test_a_head_that_others_take_from_too_stays(prepared: Path) -> None:
    layers = keras().layers
    pixels = keras().Input(SHAPE)
    scaled = layers.Rescaling(1 / 255)(pixels)
    both = layers.Concatenate()([layers.Flatten()(scaled), layers.Flatten()(pixels)])
    model = keras().Model(pixels, layers.Dense(CLASSES)(both))
    head, body = split_head(model)
    assert head is None
    images = samples("test", prepared, 20)[0]
    assert np.array_equal(answers(body, images), answers(model, images))


def test_a_model_that_augments_its_images_itself_is_quantized_as_if_it_did_not(prepared: Path) -> None:
    """As Keras' own guides have it: random layers in front, which only training has."""
    layers = keras().layers
    front = [layers.RandomFlip("horizontal", seed=1), layers.Rescaling(1 / 255)]
    body = [layers.Conv2D(6, 3, strides=2, activation="relu"), layers.Flatten(), layers.Dense(CLASSES)]
    model = keras().Sequential([keras().Input(SHAPE), *front, *body])
    calibration, images = calibration_samples(50, context(prepared)), samples("test", prepared, 100)[0]
    head, _ = split_head(model)
    assert head is not None
    assert [type(layer).__name__ for layer in head.layers[1:]] == ["RandomFlip", "Rescaling"]
    aware = train_aware(model, training(prepared, epochs=1), calibration, train_images(prepared))
    plain = keras().Sequential([keras().Input(SHAPE), *front[1:], *body])
    for quantized, original in ((aware.model, None), (fold_scaling(model), fold_scaling(plain))):
        file = convert(quantized, configurations(calibration)["int8"], float_input=True)
        operations = Interpreter(model_content=file)._get_ops_details()
        names = [operation["op_name"] for operation in operations if operation["op_name"] != "DELEGATE"]
        assert names[:2] == ["QUANTIZE", "CONV_2D"]  # nothing is left of what only training does, nor of the scaling
        if original is not None:
            own = convert(original, configurations(calibration)["int8"], float_input=True)
            assert np.array_equal(run_file(file, images), run_file(own, images))


@pytest.mark.parametrize(
    "build", [one_relu, *(pytest.param(each, marks=pytest.mark.slow) for each in (one_reshape, twice))]
)
def test_a_layer_that_is_called_twice_behind_a_head_is_trained_and_its_file_answers_as_it(
    prepared: Path, build: Any
) -> None:
    model = trained(build(), prepared, Plan(epochs=3, batch_size=64, learning_rate=0.005, seed=1))
    calibration = calibration_samples(50, context(prepared))
    aware = train_aware(model, training(prepared, epochs=1), calibration, train_images(prepared))
    images, labels = samples("test", prepared, 300)
    simulated, before = (answers(each, images).argmax(axis=1) for each in (aware.model, model))
    file = convert(aware.model, configurations(calibration)["int8"], float_input=True)
    real = run_file(file, images).argmax(axis=1)
    assert np.mean(simulated == real) > 0.97
    assert np.mean(real == labels) > np.mean(before == labels) - 0.03
    assert np.mean(before == labels) > 0.8


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (operations, ["tf.__operators__.add is not supported (TFOpLambda)", "; and 2 more"]),
        (bent, ["bent is not supported (Conv2D with activation PReLU)", "shares is not supported (Conv2D with"]),
        (nested, ["front is not supported (Sequential)", "block is not supported (Functional)"]),
        (siamese, ["subtract is not supported (Subtract)"]),
        (rows, ["first is not supported (Conv1D)", "max_pooling1d", "second is not supported (Conv1D)"]),
        (separable_rows, ["second is not supported (SeparableConv1D with causal padding)"]),
        (one_batch_norm, ["norm"]),
        (subclassed, ["standardized is not supported (WSConv2D)", "scaling is not supported (Scaling)"]),
        (HANDMADE["recurrent_both"], ["lstm is not supported (LSTM)", "gru is not supported (GRU)"]),
        (embedded, ["table is not supported (Embedding)"]),
        (attention, ["heads is not supported (MultiHeadAttention)"]),
    ],
)
def test_layers_that_are_not_simulated_are_named_all_at_once_before_any_work(build: Any, named: list[str]) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(Unsuited) as caught:
        train_aware(build(), never, never, np.zeros((1, *SHAPE)))
    for words in named:
        assert words in str(caught.value)
    assert "Quantize with training: none (calibrated int8), or replace the layer." in str(caught.value)
